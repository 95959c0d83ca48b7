#!/usr/bin/perl

# Tests for what a socket layer reads: each record that breaks a rule of
# docs/link.md ends the connection that it came on, and nothing else.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Sockets;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $header = sub { pack 'CCvVQ<', @_ };

my @broken = (
    'an empty packet' => '',
    'one byte' => 'x',
    'half a header' => $header->(WATCH, 0, 0, 2, 0) =~ s/.{8}\z//sr,
    'type 0' => $header->(0, 0, 0, 2, 0),
    'unknown type' => $header->(99, 0, 0, 2, 0),
    'HELLO' => $header->(HELLO, 0, 0, 2, 0),
    'READY' => $header->(READY, 0, 0, 0, 0) . '0-abc',
    'USER' => $header->(USER, 0, 0, 0, 0) . '{}',
    'MESSAGE' => $header->(MESSAGE, 0, 0, 0, 0) . 'hello',
    'WATCH with flags' => $header->(WATCH, 1, 0, 2, 0),
    'WATCH with a zero that is none' => $header->(WATCH, 0, 1, 2, 0),
    'WATCH of version 0' => $header->(WATCH, 0, 0, 0, 0),
    'WATCH of version 1' => $header->(WATCH, 0, 0, 1, 0),
    'WATCH with a count' => $header->(WATCH, 0, 0, 2, 1),
    'WATCH with a body' => $header->(WATCH, 0, 0, 2, 0) . 'x',
    'SESSION without a body' => $header->(SESSION, 0, 0, 2, 0),
    'SESSION without servers' => session_record(raw_servers => ''),
    'SESSION of version 1' => session_record(value => 1),
    'SESSION with flags' => session_record(flags => 4),
    'SESSION with a count' => session_record(count => 9),
    'SESSION of an unknown mode' => session_record(mode => 3),
    'SESSION with unknown flags of its own' => session_record(resumable => 4),
    'a key without the flag' =>
        session_record(key => 'k' x 32, linger => 1000, resumable => 0),
    'a key without a time to wait' => session_record(key => 'k' x 32),
    'too small a ring' => session_record(replay => 4095),
    'too large a ring' => session_record(replay => 16777217),
    'no account' => session_record(account => ''),
    'account too long' => session_record(account_len => 65),
    'account not padded' => session_record(account => "ab", account_len => 1),
    'servers longer than said' => session_record(servers_len => 5),
    'servers shorter than said' => session_record(servers_len => 100),
    'server without a host' => session_record(servers => [ [ '', 1 ] ]),
    'server cut' => session_record(raw_servers => pack 'CCva*', 0, 9, 1, 'x'),
    'server with unknown flags' =>
        session_record(servers => [ [ "host", 1, 0x80 ] ]),
    '17 servers' => session_record(servers => [ ([ 'host', 1 ]) x 17 ]),
    'SESSION cut' => substr(session_record(), 0, 143),
    'SESSION of 5,000 bytes' => session_record(raw_servers => 'x' x 4856),
    'a packet of 100,000 bytes' => 'x' x 100000,
    'the longest SESSION and a byte' =>
        session_record(raw_servers => 'x' x 4001),
);

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '');

$t->plan(@broken / 2 * 4 + 14);

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();
my $silent = $layer->peer();

# by then the template and the connector are started, each on a socket, and the
# silent connection is accepted

wait_until(5, sub { children($layer->pid()) == 2 });
$silent->recv(5);

my $before = descriptors($layer->pid());

# behind HELLO, and there already when the layer accepts the connection

for my $early (0, 1) {
    my @left = @broken;

    while (my ($name, $bytes) = splice @left, 0, 2) {
        my $peer = $early ? before_accept($bytes) : $layer->peer();

        if (!$early) {
            $peer->recv(5);
            $peer->send_raw($bytes);
        }

        my $answer = $peer->recv_type(0, 5);
        ok($answer && ($answer->{eof} || $answer->{error}),
            $early ? "$name, early" : $name);

        # the layer lives, and others don't notice

        is($layer->peer()->recv(5)->{type}, HELLO, '... nobody else');
    }
}

# requests that do not wait for HELLO have none, and their answer

my $user = pack('Cx15', USER)
    . '{"user":{"nick":"alice"},"address":"127.0.0.1","port":1,'
    . '"secure":false,"mode":"eirc","flood_rate":0,"flood_burst":1}';

my $peer = before_accept(session_record(), $user);
is($peer->recv(5)->{type}, READY, 'a session without HELLO');
$peer->close();

# whoever has left already does not count against the next try

my @one = (session_record(account => 'bob', limit => 1), $user);

kill 'STOP', $layer->pid();

my $left = $layer->peer();
$left->send_raw($_) for @one;
$left->close();

$peer = $layer->peer();
$peer->send_raw($_) for @one;

kill 'CONT', $layer->pid();

is($peer->recv(5)->{type}, READY, 'a session behind one that has left');
$peer->close();

$peer = before_accept($header->(RESUME, 0, 0, 2, 0)
    . pack('a32x64CxxxV', '0-00', 0, 0xffffffff));
my $refused = $peer->recv(5);
is($refused->{type}, REFUSED, 'a way back without HELLO');
is($refused->{value}, 13, '... to what is not there');
is($peer->recv(5)->{eof}, 1, '... and that is the end');

# others are greeted whenever their record comes

my $early = before_accept($header->(WATCH, 0, 0, 2, 0));
is($early->recv(5)->{type}, HELLO, 'WATCH before HELLO');
is($early->recv(0.2), undef, '... it watches');
$early->close();

$peer = $layer->peer();
$peer->recv(5);
$peer->send_raw($header->(RESUME, 0, 0, 2, 0)
    . pack('a32x64CxxxV', '0-00', 0, 0xffffffff));
is($peer->recv(5)->{type}, REFUSED, 'behind HELLO as ever');

# a watching connection has nothing more to say

my $second = $layer->watch();
$second->send(WATCH, value => 2);
ok($second->recv(5)->{eof}, 'WATCH twice');

# connections that go without a word, or in the middle of one

for (1 .. 50) {
    my $peer = $layer->peer();
    $peer->send_raw(session_record()) if $_ % 2;
    $peer->close();
}

ok(wait_until(10, sub { descriptors($layer->pid()) == $before }),
    'no descriptor left');
is(scalar(() = $layer->workers()), 0, 'no process left');
is($silent->recv(0), undef, 'silent connection lives on');
is($watch->recv(0), undef, 'watching connection lives on');
is($layer->stop(), 0, 'end');


# A connection with records in it that the layer has yet to accept.

sub before_accept {
    my (@records) = @_;

    kill 'STOP', $layer->pid();

    my $peer = $layer->peer();
    $peer->send_raw($_) for @records;

    kill 'CONT', $layer->pid();

    return $peer;
}
