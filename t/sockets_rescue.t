#!/usr/bin/perl

# Tests for who may not speak to a socket layer: its own workers, which have
# the user ID of nginx's and a socket that may be connected anywhere. The
# socket layer knows it by its name.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

use Socket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(10);

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();

wait_until(5, sub { children($layer->pid()) == 2 });

my $before = descriptors($layer->pid());

# the socket of a worker has a name, and is connected to nothing

my $alice = $layer->session(account => 'alice',
    servers => [ [ '127.0.0.1', $irc->port() ] ]);
is($alice->recv(5)->{type}, READY, 'a worker');

SKIP: {
    skip('root alone may look', 2) if $> != 0;

    my ($pid) = $layer->workers();
    my ($inode) = (readlink("/proc/$pid/fd/7") || '')
        =~ /^socket:\[(\d+)\]$/;

    ok($inode, 'its rescue');
    like(socket_name($inode), qr/^@.+/, '... has a name');
}

# as it would speak, if it broke out of its program

for my $request (session_record(), pack 'CCvVQ<', WATCH, 0, 0, 2, 0) {
    my $peer = rescue();
    $peer->send_raw($request);

    my $answer = $peer->recv(5);
    ok($answer->{eof} || $answer->{error}, 'refused');
}

# ... and is gone before it is looked at

kill 'STOP', $layer->pid();
my $peer = rescue();
$peer->send_raw(session_record(account => 'mallory'));
$peer->send(USER, body => '{"user":{"nick":"mallory"}}');
$peer->close();
kill 'CONT', $layer->pid();

ok($layer->wait_for_log(qr/(?:\[alert\].* of a worker, process $$, refused.*){3}/s,
    5), 'in the log');
is(scalar(() = $layer->workers()), 1, 'no session');

# others notice nothing

is($watch->recv(0), undef, 'watching connection lives on');
$alice->close();
ok(wait_until(5, sub { descriptors($layer->pid()) == $before }),
    'no descriptor left');
is($layer->stop(), 0, 'end');


sub rescue {
    socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket(): $!\n";
    bind($s, pack 'S', AF_UNIX) or die "bind(): $!\n";
    connect($s, pack_sockaddr_un($layer->path())) or die "connect(): $!\n";

    return bless { socket => $s }, 'EIRC::Sockets::Peer';
}


sub socket_name {
    my ($inode) = @_;

    open my $fh, '<', '/proc/net/unix' or die "/proc/net/unix: $!\n";

    my ($name) = map { /^(?:\S+\s+){6}$inode\s+(\S+)/ ? $1 : () } <$fh>;

    return defined $name ? $name : '';
}
