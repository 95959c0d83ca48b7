#!/usr/bin/perl

# Tests for processes of sessions that are killed: another one goes on, and
# neither nginx (which is played here) nor the IRC server notices.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(41);

my $irc = EIRC::IRCServer->new($t, port => 8081,
    isupport => 'CASEMAPPING=ascii PREFIX=(qov)~@+ CHANMODES=b,k,l,imnpst '
        . 'CHANTYPES=#! NETWORK=Test', on_line => \&cut);
$t->run_daemon($irc->code());
$irc->wait();

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();

# an idle one

my $alice = session('alice');
my $id = $alice->recv_type(READY, 5)->{body};
my $seen = () = $alice->lines(5, qr/ (?:376|422) /);

my $old = worker();
my $new = kill_worker();
isnt($new, $old, 'another process');
is(title($new), 'irc-client: alice', 'its title');
like($layer->log(), qr/\*\Q$id\E worker $old exited on signal 9/,
    'the cause is in the log');
ok($layer->wait_for_log(
    qr/\*\Q$id\E goes on after one that dealt with: "376"/, 5),
    '... and what it was at');

my $ready = $alice->recv_type(READY, 5);
is($ready->{body}, $id, 'READY again');
is($ready->{flags}, 0, '... as a repetition');

say_to($alice, 0, 'PRIVMSG #room :one');
ok($irc->wait_for(qr/^PRIVMSG #room :one$/, 5), 'a message after it');
is($irc->connections(), 1, 'on the same connection');

# numbers go on; those known are passed over

say_to($alice, 0, 'PRIVMSG #room :doubled');
say_to($alice, 1, 'JOIN #room');
my $lines = $alice->recv_type(LINES, 5);
is($lines->{count}, $seen, 'lines are counted on');
$seen += $lines->{value};
like($lines->{body}, qr/ JOIN /, 'joined');
$seen += more($alice, qr/ 366 /);

kill_worker();
say_to($alice, 2, "/users #room");
like(told($alice, qr/:client users/), qr/:client users #room :.*alice/,
    'members are asked for again');
ok($irc->wait_for(qr/^NAMES #room$/, 5), '... when somebody wants them');
is(scalar(grep { / 353 | 366 / } @{ $alice->{heard} || [] }), 0,
    '... and the answer is not for the browser');

say_to($alice, 3, "/channels");
like(told($alice, qr/:client channels/), qr/^:client channels :#room$/,
    'channels are known');

is((grep { /^PRIVMSG #room :doubled/ } $irc->received()), 0,
    'a known message was passed over');

# what is on its way while nobody is there

my $bob = session('bob', channels => ['#room']);
$bob->lines(5, qr/ 366 /);

my $pid = worker('alice');
kill 'STOP', $pid;
say_to($bob, 0, 'PRIVMSG #room :while it stands');
ok($irc->wait_for(qr/while it stands/, 5), 'said while it stands');
say_to($alice, 4, 'PRIVMSG #room :said meanwhile');
kill_worker('alice');
like(told($alice, qr/while it stands/), qr/PRIVMSG #room :while it stands$/,
    'heard by the next one');
ok($irc->wait_for(qr/said meanwhile/, 5), 'said by the next one');
is(count('said meanwhile'), 1, '... once');

# crashes without an end: the state is dropped

my $carol = session('carol', channels => ['#other'], crash_limit => 3);
my $carol_id = $carol->recv_type(READY, 5)->{body};
$carol->lines(5, qr/ 366 /);
is($irc->connections(), 3, 'one more');

kill_worker('carol') for 1 .. 3;

my $reset;

do {
    $reset = $carol->recv_type(READY, 5);
} while ($reset && !$reset->{eof} && !$reset->{flags});

is($reset->{flags}, 1, 'RESET');
isnt($reset->{body}, $carol_id, 'another session');
say_to($carol, 7, 'PRIVMSG #other :dropped');
$carol->send(RESET);
say_to($carol, 0, 'PRIVMSG #other :counted anew');
my $words = told($carol, qr/client error/);
like($words, qr/^:client error :The session had to be begun anew/, 'told so');
like(told($carol, qr/ 366 /), qr/#other/, 'connected and joined again');
ok($irc->wait_for(qr/counted anew/, 5), 'what is said after it');
is(count('dropped'), 0, '... and not what was said before');
is($irc->connections(), 4, 'by a fresh connection');
ok($irc->wait_for_end(3, 5), 'the old one has ended');
ok($layer->wait_for_log(qr/\*\Q$carol_id\E the state of the session is dropped/,
    5), 'in the log');

# a template that dies between: nobody is left, nobody twice

my $template = $layer->helper('template');
kill 'STOP', $template;
$pid = worker('bob');
kill 'KILL', $pid;
ok($layer->wait_for_log(qr/worker $pid exited on signal 9/, 5), 'killed');
kill 'KILL', $template;
ok(wait_until(10, sub { worker('bob') }), 'followed by a new template\'s');
say_to($bob, 1, 'PRIVMSG #room :bob lives');
ok($irc->wait_for(qr/bob lives/, 5), 'and speaks');
is((() = $layer->workers()), 3, 'as many processes as sessions');

# while it waits to come back to IRC

my $dave = session('dave', channels => ['#cut']);
$dave->lines(5, qr/ 366 /);
say_to($dave, 0, 'PRIVMSG #cut :cut me');
like(told($dave, qr/Next try/), qr/:The connection to the IRC server was lost/,
    'the connection is lost');
ok(kill_worker('dave'), '... and then the process');
ok(wait_until(10, sub { count('JOIN #cut') == 2 }), 'the next one comes back');

# without a descriptor for the next one it is waited for

SKIP: {
    skip('no prlimit', 2) if system('prlimit --version >/dev/null');

    my $pid = worker('dave');

    limit(8);
    kill 'KILL', $pid;
    ok($layer->wait_for_log(qr/no room for a process/, 5), 'no room');
    limit(1024);
    ok(wait_until(5, sub { worker('dave') }), 'followed when there is');
}

# the end

for my $peer ($alice, $bob, $carol, $dave) {
    $peer->send(ENDED, value => 2, body => '');
}

ok(wait_until(5, sub { !$layer->workers() }), 'all of them end');
is($layer->stop(), 0, 'the layer as well');
$watch->close();
is(count('bob lives'), 1, 'nothing doubled');

$t->stop_daemons();


sub session {
    my ($nick, %opt) = @_;
    my $channels = join ',', map { qq{"$_"} } @{ $opt{channels} || [] };

    return $layer->session(account => $nick, crash_limit => 100,
        servers => [ [ '127.0.0.1', $irc->port() ] ],
        user => qq({"nick":"$nick","channels":[$channels]}), %opt);
}


sub limit {
    my ($n) = @_;
    return system('prlimit', '--pid', $layer->pid(), "--nofile=$n:");
}


sub cut {
    my ($server, $conn, $line) = @_;

    return 0 unless $line =~ /:cut me$/;
    $server->hangup($conn);
    return 1;
}


sub say_to {
    my ($peer, $count, $text) = @_;
    $peer->send(MESSAGE, count => $count, body => $text);
}


# The process of a nick, or the only one.

sub worker {
    my ($nick) = @_;
    my @pids = grep {
        !defined $nick || (title($_) || '') eq "irc-client: $nick"
    } $layer->workers();
    return $pids[0];
}


# Kills it, and waits for the next one to have its name.

sub kill_worker {
    my ($nick) = @_;
    my $pid = worker($nick);
    my $title = title($pid);
    my $next;

    kill 'KILL', $pid;
    wait_until(5, sub {
        ($next) = grep { $_ != $pid && (title($_) || '') eq $title }
            $layer->workers();
        return $next;
    });

    return $next;
}


sub more {
    my ($peer, $re) = @_;
    return scalar(() = $peer->lines(5, $re));
}


# The first line that matches.

sub told {
    my ($peer, $re) = @_;
    my @lines = $peer->lines(5, $re);
    push @{ $peer->{heard} }, @lines;
    return (grep { $_ =~ $re } @lines)[0];
}


sub count {
    my ($text) = @_;
    return scalar(grep { index($_, $text) >= 0 } $irc->received());
}
