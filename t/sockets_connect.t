#!/usr/bin/perl

# Tests for the connector: names and addresses, UNIX sockets, servers in turn,
# and the words for what failed.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(19);
my $dir = $t->testdir();

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

my $port = $irc->port();
my $closed = Test::Nginx::port(8082);

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();

# what works

is(connected([ '127.0.0.1', $port ]), "127.0.0.1 $port", 'address');
is(connected([ 'localhost', $port ]), "localhost $port",
    'name, one of whose addresses may have nobody');

my $unix = IO::Socket::UNIX->new(Local => "$dir/irc.sock", Listen => 5)
    or die "$dir/irc.sock: $!\n";
is(connected([ "$dir/irc.sock", 0, 2 ]), "unix:$dir/irc.sock",
    'UNIX socket');
ok($unix->accept(), '... connected');

# a server on this machine is there at once: nobody has to be asked

my $connector = $layer->helper('connect');

kill 'STOP', $connector;
is(connected([ '127.0.0.1', $port ]), "127.0.0.1 $port",
    'address of this machine, without the connector');
kill 'CONT', $connector;

# servers in turn

is(connected([ '127.0.0.1', $closed ], [ '127.0.0.1', $port ]),
    "127.0.0.1 $port", 'second server');
is(connected([ 'a..b', $port ], [ 'localhost', $closed ],
    [ "$dir/none.sock", 0, 2 ], [ '127.0.0.1', $port ]), "127.0.0.1 $port",
    'fourth server');

# what fails, and why

is(failed([ '127.0.0.1', $closed ]),
    "connect() to 127.0.0.1 $closed failed (111: Connection refused)",
    'refused');
is(failed([ "$dir/none.sock", 0, 2 ]),
    "connect() to unix:$dir/none.sock failed (2: No such file or directory)",
    'no socket');
is(failed([ '/' . 'x' x 200, 0, 2 ]), 'connect() to unix:/' . 'x' x 200
    . ' failed (36: File name too long)', 'path too long');
like(failed([ 'a..b', $port ]), qr/^host a\.\.b could not be resolved: ./,
    'no name');
like(failed([ '::1', $closed ]), qr/^connect\(\) to ::1 $closed failed \(\d+: /,
    'IPv6');
is(failed([ 'localhost', $closed ], [ '127.0.0.1', $closed ]),
    "connect() to 127.0.0.1 $closed failed (111: Connection refused)",
    'the last one is told');

# a server whose backlog is full does not answer: 10 s, then the next

my $deaf = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1',
    Proto => 'tcp') or die "socket: $!\n";
my @waiting = map {
    socket(my $s, AF_INET, SOCK_STREAM, 0);
    $s->blocking(0);
    connect($s, pack_sockaddr_in($deaf->sockport(), inet_aton('127.0.0.1')));
    $s;
} 1 .. 4;

my $session = session([ '127.0.0.1', $deaf->sockport() ],
    [ '127.0.0.1', $port ]);

# meanwhile others have their turn

is(connected([ '127.0.0.1', $port ]), "127.0.0.1 $port",
    'nobody waits for a silent server');
ok($layer->wait_for_log(qr/\*\Q$session->{id}\E connected to .* $port$/m, 15),
    'after a silent server the next');
close $_ for @waiting, $deaf;
$session->{peer}->close();

# descriptors: epoll, 0 to 3, and what the resolver may keep

ok(wait_until(5, sub { !$layer->workers() }), 'no process left');

SKIP: {
    skip('root alone may look', 1) if $> != 0;
    ok(descriptors($layer->helper('connect')) <= 7, 'no descriptors left');
}

like(slurp('/proc/' . $layer->helper('connect') . '/status'),
    qr/^Seccomp:\s+2$/m, 'system calls are filtered');

is($layer->stop(), 0, 'end');


sub session {
    my (@servers) = @_;
    my $peer = $layer->session(account => 'alice', servers => \@servers);
    my $ready = $peer->recv(5);

    return { peer => $peer, id => $ready->{body} };
}


sub connected {
    my $session = session(@_);
    my $re = qr/\*\Q$session->{id}\E connected to (.*)/;

    $layer->wait_for_log($re, 5);
    my ($name) = $layer->log() =~ $re;
    $session->{peer}->close();

    return $name;
}


# A worker may try again: the first answer counts.

sub failed {
    my $session = session(@_);
    my $re = qr/\[error\] \S+ \*\Q$session->{id}\E (.*)/;

    $layer->wait_for_log($re, 5);
    my ($text) = $layer->log() =~ $re;
    $session->{peer}->close();

    return $text;
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;

    return scalar <$fh>;
}
