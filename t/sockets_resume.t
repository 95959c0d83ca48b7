#!/usr/bin/perl

# Tests for sessions whose browser is lost and comes back, as the socket layer
# and the session's process see it; nginx is played here (docs/link.md, 8).

use warnings;
use strict;

use Digest::SHA qw/ sha256 /;
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

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(65);

my $irc = EIRC::IRCServer->new($t, port => 8081,
    isupport => 'CASEMAPPING=ascii PREFIX=(ov)@+ NETWORK=Test NICKLEN=30');
$t->run_daemon($irc->code());
$irc->wait();

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();
my %count;

my @key = map { sha256("key $_") } 0 .. 20;

# lost, and back

my $bob = session('bob', channels => ['room']);
$bob->lines(5, qr/ 366 /);

my $alice = session('alice', channels => ['room'], key => $key[0]);
my $id = $alice->recv_type(READY, 5)->{body};
my @had = $alice->lines(5, qr/ 366 /);
my $pid = worker('alice');

say_to($alice, 'PRIVMSG #room :one');
ok($irc->wait_for(qr/PRIVMSG #room :one$/, 5), 'a session');

$alice->send(DETACH);
is($alice->recv_type(0, 5)->{eof}, 1, 'the browser is lost');
say_to($bob, 'PRIVMSG #room :first while away');
say_to($bob, 'PRIVMSG #room :second while away');
ok($irc->wait_for(qr/second while away/, 5), 'something is said');

$alice = back($id, lines => scalar @had, key => $key[0], next => $key[1]);
my $resumed = resumed($alice);
is($resumed->{type}, RESUMED, 'back');
is($resumed->{flags}, 0, '... without a gap');
is($resumed->{count}, 1, '... messages counted on');
is($resumed->{lines}, scalar @had, '... lines as well');
is($resumed->{nick}, 'alice', '... with the nick');
is($resumed->{account}, 'alice', '... and account');

my $record = $alice->recv_type(LINES, 5);
is($record->{count}, scalar @had, 'lines go on');
my @missed = lines_of($record);
push @missed, $alice->lines(5, qr/second while/)
    if !grep { /second while/ } @missed;
like($missed[0], qr/first while away$/, 'what was missed: the first');
like($missed[-1], qr/second while away$/, '... to the last');
is(scalar(@missed), 2, '... once');
push @had, @missed;
is(worker('alice'), $pid, 'by the same process');
is(ended(), 0, 'the IRC server saw no end');
ok($layer->wait_for_log(qr/\*\Q$id\E session resumed/, 5), 'in the log');

# what was sent may be had again, where it did not arrive

$alice->send(DETACH);
$alice->recv_type(0, 5);
$alice = back($id, lines => @had - 1, key => $key[0], next => $key[2]);
is(resumed($alice)->{flags}, 0, 'from the line before the last on');
is(join("\n", $alice->lines(5, qr/second while/)), $had[-1],
    'the last one again');

# keys: the old one as long as nothing was heard under the new one

# it tells the layer before it tells the IRC server

say_to($alice, 'PONG :heard', 1);
ok($irc->wait_for(qr/^PONG :heard$/, 5)
    && refused($id, key => $key[0])->{value} == 13,
    'something was heard: the old key is none any more');
is(refused($id, key => $key[1])->{value}, 13, 'nor is one never heard of');
is(refused($id, key => "\0" x 32)->{value}, 13, 'nor is no key at all');
is(refused("$id.", key => $key[2])->{type}, undef, 'no ID: no answer');
is(refused('0-00', key => $key[2])->{value}, 13, 'another ID');
is(refused($id, key => $key[2], mode => 1)->{value}, 10,
    'another subprotocol');

# taken over by another browser

my $second = back($id, lines => scalar @had, key => $key[2],
    next => $key[3]);
my $end = $alice->recv_type(ENDED, 5);
is($end->{value}, 14, 'the first one is told that it is taken over');
is($alice->recv(5)->{eof}, 1, '... and that is the end');
is(resumed($second)->{count}, 2, 'the second has it');
say_to($bob, 'PRIVMSG #room :for the second');
like(($second->lines(5, qr/for the second/))[-1], qr/for the second$/,
    '... and hears what is said');
push @had, ':bob PRIVMSG #room :for the second';

# confirmed lines are gone

$second->send(CONFIRM, count => scalar(@had));
say_to($second, '', 2);
$second->send(DETACH);
$second->recv_type(0, 5);

$alice = back($id, lines => 0, key => $key[3], next => $key[4]);
my $gap = resumed($alice);
is($gap->{flags}, 1, 'a gap');
is($gap->{count}, 3, '... messages counted on');
is($gap->{lines}, scalar(@had), '... lines from where they are');

my @state = $alice->lines(5, qr/ 366 /);
is(scalar(grep { /^001 alice :/ } @state), 1, 'then the state: 001');
like(join("\n", grep { /^005 / } @state), qr/PREFIX=\(ov\)@\+.* :are/,
    '... 005');
is(scalar(grep { /^376 alice/ } @state), 1, '... end of the message of the day');
is(scalar(grep { /^:alice JOIN #room/ } @state), 1, '... JOIN');
is(scalar(grep { / 353 .*bob/ } @state), 1, '... names');
ok($irc->wait_for(qr/^TOPIC #room$/, 5), '... topic');

# a ring that is full while nobody is there loses its oldest lines

my $carol = session('carol', channels => ['room'], key => $key[5],
    replay => 12288);
my $carol_id = $carol->recv_type(READY, 5)->{body};
my $n = () = $carol->lines(5, qr/ 366 /);
$carol->send(DETACH);
$carol->recv_type(0, 5);
my $padding = 'x' x 300;
say_to($bob, "PRIVMSG #room :$_ $padding") for 1 .. 100;
ok($irc->wait_for(qr/PRIVMSG #room :100 /, 10), 'more than the ring holds');
$carol = back($carol_id, lines => $n, key => $key[5], next => $key[6]);
$gap = resumed($carol);
is($gap->{flags}, 1, 'a gap');
@state = $carol->lines(5, qr/ 366 /);
is(scalar(grep { /xxx/ } @state), 0, '... and no part of what is missing');

# backpressure while it is there: nothing is lost

$carol->lines(5, qr/ 366 /) if !grep { / 366 / } @state;
my $had = $gap->{lines} + @state;
say_to($bob, "PRIVMSG #room :$_ $padding") for 101 .. 300;
ok($irc->wait_for(qr/PRIVMSG #room :300 /, 10), 'much at once');

my @got;
while (@got < 200 && (my $r = $carol->recv_type(LINES, 5))) {
    last if $r->{eof};
    push @got, grep { /xxx/ } lines_of($r);
    $carol->send(CONFIRM, count => $r->{count} + $r->{value});
}

is(scalar(@got), 200, 'as much as is confirmed comes on');
is(join(' ', map { /:(\d+) x/ } @got), join(' ', 101 .. 300), '... in order');

# ... and a message that waits for room does not stop the confirmation behind it

say_to($bob, "PRIVMSG #room :$_ $padding") for 301 .. 400;
ok($irc->wait_for(qr/PRIVMSG #room :400 /, 10), 'more than the ring holds');
my $last = 0;

while ((my $r = $carol->recv_type(LINES, 1))) {
    last if $r->{eof};
    $last = $r->{count} + $r->{value};
}

say_to($carol, '/channels');
say_to($carol, 'PRIVMSG #room :said all the same');
$carol->send(CONFIRM, count => $last);
like((grep { /client channels/ } $carol->lines(5, qr/client channels/))[0],
    qr/:client channels :#room$/, 'a command that waited for room');
ok($irc->wait_for(qr/said all the same$/, 5), '... and what was behind it');

# nobody comes back

my $dave = session('dave', channels => ['room'], key => $key[7],
    linger => 300);
my $dave_id = $dave->recv_type(READY, 5)->{body};
$dave->lines(5, qr/ 366 /);
$dave->send(DETACH);
ok($irc->wait_for(qr/^QUIT /, 5), 'nobody comes back in time');
ok(wait_until(5, sub { !worker('dave') }), '... and the process ends');
is(refused($dave_id, key => $key[7])->{value}, 13, '... for good');

# good-bye is good-bye

my $erin = session('erin', key => $key[8]);
my $erin_id = $erin->recv_type(READY, 5)->{body};
$erin->lines(5, qr/ 376 /);
$erin->send(ENDED, value => 2, body => '');
ok(wait_until(5, sub { !worker('erin') }), 'a browser that says good-bye');
is(refused($erin_id, key => $key[8])->{value}, 13, '... does not come back');

# the limit is of those with a browser

my $frank = session('frank', key => $key[9], limit => 1);
my $frank_id = $frank->recv_type(READY, 5)->{body};
$frank->lines(5, qr/ 376 /);
is(session('frank', limit => 1)->recv(5)->{value}, 8, 'a limit of one');
$frank->send(DETACH);
$frank->recv_type(0, 5);
my $frank2 = session('frank', nick => 'frank2', key => $key[10], limit => 1);
my $frank2_id = $frank2->recv_type(READY, 5)->{body};
ok($frank2_id, 'one that waits is not counted');
is(refused($frank_id, key => $key[9])->{value}, 8, '... but has to wait on');
$frank2->lines(5, qr/ 376 /);
$frank2->send(DETACH);
$frank2->recv_type(0, 5);
ok(wait_until(5, sub { !worker('frank') }),
    'of those that wait no more than that: the oldest goes');
ok(worker('frank2'), '... and no other');

# one that dies while nobody is there, and one that dies when it is taken over

kill 'KILL', worker('frank2');
ok($layer->wait_for_log(qr/\*\Q$frank2_id\E goes on after/, 5),
    'a process dies that waits');
$frank2 = back($frank2_id, lines => 1, key => $key[10], next => $key[12]);
is(resumed($frank2)->{flags}, 0, '... and the next one knows it all');
ok((grep { / 376 / } $frank2->lines(5, qr/ 376 /)), '... every line');

$pid = worker('alice');
kill 'STOP', $pid;
my $again = back($id, lines => $gap->{lines}, key => $key[4],
    next => $key[13]);
kill 'KILL', $pid;
is(resumed($again)->{type}, RESUMED, 'a process that dies of a takeover');
is($alice->recv_type(0, 5)->{eof}, 1, '... the old link ends');
say_to($bob, 'PRIVMSG #room :and on');
like(last_line($again), qr/and on$/, '... and it goes on');

# all that has no way back ends with its link

$bob->close();
ok(wait_until(5, sub { !worker('bob') }), 'without a key: gone with the link');

# the layer ends: in good order

$again->send(DETACH);
is($layer->stop(), 0, 'the layer ends');
$watch->close();
is(scalar(grep { /^QUIT / } $irc->received()), $irc->connections(),
    'everybody has left IRC');

$t->stop_daemons();


sub session {
    my ($account, %opt) = @_;
    my $nick = delete $opt{nick} || $account;
    my $channels = join ',', map { qq{"$_"} } @{ $opt{channels} || [] };

    my $peer = $layer->session(account => $account, linger => 60000,
        servers => [ [ '127.0.0.1', $irc->port() ] ],
        user => qq({"nick":"$nick","account":"$account",)
            . qq("channels":[$channels]}), %opt);

    $count{$peer} = 0;

    return $peer;
}


sub back {
    my ($id, %opt) = @_;
    my $peer = $layer->resume($id, %opt);

    $count{$peer} = 0;

    return $peer;
}


# The answer to one that is not taken back.

sub refused {
    my ($id, %opt) = @_;
    return $layer->resume($id, next => $key[20], %opt)->recv(5);
}


# RESUMED with its body taken apart; messages are counted on from it.

sub resumed {
    my ($peer) = @_;
    my $r = $peer->recv(5) or return {};

    return $r if $r->{type} != RESUMED;

    (my $lines, my $len, my $rest) = unpack 'Q<Ca*', $r->{body};
    $count{$peer} = $r->{count};

    return { %$r, lines => $lines, nick => substr($rest, 0, $len),
        account => substr($rest, $len) };
}


sub say_to {
    my ($peer, $text, $count) = @_;
    $count = $count{$peer}++ if !defined $count;
    $count{$peer} = $count + 1;
    $peer->send(MESSAGE, count => $count, body => $text);
}


sub lines_of {
    my ($record) = @_;
    my $body = $record->{body};
    my @lines;

    while (length $body) {
        my (undef, $len) = unpack 'CC', $body;
        my $head = 2;

        ($len, $head) = (unpack('x2n', $body), 4) if $len == 126;
        push @lines, substr($body, $head, $len);
        $body = substr($body, $head + $len);
    }

    return @lines;
}


# The last of all lines, up to "and on", each of which is confirmed.

sub last_line {
    my ($peer) = @_;
    my @lines;

    while (my $r = $peer->recv_type(LINES, 5)) {
        last if $r->{eof};
        push @lines, lines_of($r);
        $peer->send(CONFIRM, count => $r->{count} + $r->{value});
        last if $lines[-1] =~ /and on$/;
    }

    return $lines[-1];
}


sub worker {
    my ($nick) = @_;
    return (grep { (title($_) || '') eq "irc-client: $nick" }
        $layer->workers())[0];
}


sub ended {
    return scalar grep { $irc->ended($_) } 1 .. $irc->connections();
}
