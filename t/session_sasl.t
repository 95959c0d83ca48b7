#!/usr/bin/perl

# Tests for the secret of a session: logging in with that of the user object,
# on both ways, again after the connection or the process was lost, and what is
# left of it. The IRC servers are scripted ones.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

use MIME::Base64;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(25);

my $irc = EIRC::IRCServer->new($t, port => 8081, on_line => sub {
    my ($server, $conn, $line) = @_;

    if ($line =~ /^CAP LS/) {
        $conn->{cap} = 1;
        $server->reply($conn, ':s CAP * LS :multi-prefix sasl=PLAIN');

    } elsif ($line =~ /^CAP REQ :?(.*)/) {
        $server->reply($conn, ":s CAP * ACK :$1");

    } elsif ($line eq 'AUTHENTICATE PLAIN') {

        # one of them waits in vain, the first time

        $server->reply($conn, 'AUTHENTICATE +')
            if ($conn->{nick} || '') ne 'greta' || $server->{greta}++;

    } elsif ($line =~ /^AUTHENTICATE (.*)/) {
        $server->reply($conn, decode_base64($1) =~ /\0sesame$/
            ? (':s 900 * *!*@* acc :You are now logged in', ':s 903 * :Yes')
            : ':s 904 * :No');

    } elsif ($line =~ /:hang up$/) {
        $server->hangup($conn);

    } else {
        return 0;
    }

    return 1;
});
my $plain = EIRC::IRCServer->new($t, port => 8082);
$t->run_daemon($_->code()) for $irc, $plain;
$_->wait() for $irc, $plain;

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();

# eIRC's way

my $plain_of = sub { encode_base64("$_[0]\0$_[0]\0$_[1]", '') };
my @login = ('CAP LS 302', 'NICK alice', 'USER alice 0 * :alice',
    'CAP REQ :sasl', 'AUTHENTICATE PLAIN',
    'AUTHENTICATE ' . $plain_of->('alice', 'sesame'), 'CAP END');

my $p = session($irc, 'alice', 'sesame');
my @lines = $p->lines(5, qr/ 376 /);

is(join('|', $irc->received(1)), join('|', @login), 'login');
is(scalar(grep { / 90[03] / } @lines), 2, 'what came of it');
is(scalar(grep { / CAP |AUTHENTICATE/ } @lines), 0, '... and nothing else');
ok($layer->wait_for_log(qr/logged in: "PLAIN"/, 5), '... in the log');

my ($pid) = $layer->workers();

is(scalar(grep { /secret/ } files($pid)), 0, 'no secret at hand');
is(scalar(grep { /secret/ } files($layer->pid())), 1, '... but in the layer');

# again, over a new connection

$p->send(MESSAGE, count => 0, body => 'PRIVMSG #x :hang up');
@lines = $p->lines(10, qr/ 376 /);

is(join('|', $irc->received(2)), join('|', @login), 'login after a loss');
is(scalar(grep { /secret/ } files($pid)), 0, '... no secret at hand');
$p->close();
ok(wait_until(5, sub { !$layer->workers() }), 'gone');
is(scalar(grep { /secret/ } files($layer->pid())), 0, '... with its secret');

# a bad secret

$p = session($irc, 'bob', 'wrong');
@lines = $p->lines(5, qr/ 376 /);
is(join('|', grep { /^!/ } @lines),
    '! SASL error (904): authentication failed', 'bad secret');
like(join('|', $irc->received(3)), qr/\|CAP END$/, '... goes on without');
$p->close();

# no SASL; no secret

$p = session($plain, 'carol', 'sesame');
$p->lines(5, qr/ 376 /);
ok($plain->wait_for(qr/^PRIVMSG NickServ :IDENTIFY sesame$/, 5), 'NickServ');
$p->close();
ok(wait_until(5, sub { !$layer->workers() }), 'gone');

$p = session($irc, 'dave', '');
$p->lines(5, qr/ 376 /);
is(join('|', $irc->received(4)), 'NICK dave|USER dave 0 * :dave', 'no secret');
ok(wait_until(5, sub { !grep { /secret/ } files($layer->pid()) }),
    '... nothing is kept for it');
$p->close();

# IRCv3's way: the browser's own negotiation comes behind ours

$p = session($irc, 'erin', 'sesame', 'text');
$p->send(MESSAGE, count => 0, body => "CAP LS 302\nNICK erin\nUSER x 0 * :x\n"
    . "CAP REQ :multi-prefix\nCAP END");
@lines = $p->lines(5, qr/ 376 /);
is(join('|', $irc->received(5)), 'CAP LS 302|CAP REQ :sasl|AUTHENTICATE PLAIN|'
    . 'AUTHENTICATE ' . $plain_of->('erin', 'sesame') . '|CAP LS 302|NICK erin|'
    . 'USER erin 0 * :erin|CAP REQ :multi-prefix|CAP END', 'IRCv3: ours first');
is(join('|', grep { / CAP / } @lines), ':s CAP * LS :multi-prefix|'
    . ':s CAP * ACK :multi-prefix', '... and what is not its own is hidden');
$p->close();

$p = session($irc, 'frank', 'wrong', 'text');
$p->send(MESSAGE, count => 0, body => "NICK frank\nUSER x 0 * :x");
@lines = $p->lines(5, qr/ 376 /);
like(join('|', $irc->received(6)), qr/\|CAP END\|NICK frank\|USER /,
    'a browser without CAP gets in');
is(join('|', grep { /^FAIL/ } @lines),
    'FAIL * REFUSED :Login failed (904): authentication failed.', '... told');
$p->close();

# the process is killed in the middle of it: the next one begins anew

$p = session($irc, 'greta', 'sesame', 'eirc', ',"local_port":80,'
    . '"password":"open","webirc":{"password":"w","gateway":"g"}');
$irc->wait_for(qr/^AUTHENTICATE PLAIN$/, 5, 7);
($pid) = $layer->workers();

SKIP: {
    skip('root alone may look', 1) if $> != 0;
    ok(remembers($pid, qr/sesame/), 'a process with secrets');
}

kill 'KILL', $pid;
@lines = $p->lines(10, qr/ 376 /);

@login = ('WEBIRC w g 0::1 0::1 :secure remote-port=9 local-port=80',
    'CAP LS 302', 'PASS open', 'NICK greta', 'USER greta 0 * :greta',
    'CAP REQ :sasl', 'AUTHENTICATE PLAIN');
is(join('|', $irc->received(7)), join('|', @login), '... is killed');
is(join('|', $irc->received(8)), join('|', @login,
    'AUTHENTICATE ' . $plain_of->('greta', 'sesame'), 'CAP END'),
    '... the next one logs in');
ok($irc->wait_for_end(7, 5), '... not over the same connection');
($pid) = $layer->workers();

SKIP: {
    skip('root alone may look', 1) if $> != 0;
    is(remembers($pid, qr/sesame|open/), 0, '... and forgets');
}

$p->close();


sub session {
    my ($server, $nick, $secret, $mode, $more) = @_;
    my $peer = $layer->session(account => $nick, user => undef,
        crash_limit => 100, servers => [ [ '127.0.0.1', $server->port() ] ]);

    $peer->send(USER, body => '{"user":{"nick":"' . $nick . '","sasl_secret":"'
        . $secret . '"},"address":"::1","port":9,"secure":true,"mode":"'
        . ($mode || 'eirc') . '","flood_rate":0,"flood_burst":1'
        . ($more || '') . '}');

    return $peer;
}


# what a process has open or mapped

sub files {
    my ($process) = @_;
    my @files = map { readlink || () } glob "/proc/$process/fd/*";

    open my $fh, '<', "/proc/$process/maps" or return @files;

    return @files, <$fh>;
}
