#!/usr/bin/perl

# Tests for who may not speak to a socket layer: its own workers, which have
# the user ID of nginx's and a socket that may be connected anywhere. The
# socket layer knows it by the name that the kernel gives it then.

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

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(8);

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();

wait_until(5, sub { children($layer->pid()) == 2 });

my $before = descriptors($layer->pid());

my $alice = $layer->session(account => 'alice',
    servers => [ [ '127.0.0.1', $irc->port() ] ]);
is($alice->recv(5)->{type}, READY, 'a worker');

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
    setsockopt($s, SOL_SOCKET, SO_PASSCRED, 1) or die "setsockopt(): $!\n";
    connect($s, pack_sockaddr_un($layer->path())) or die "connect(): $!\n";

    return bless { socket => $s }, 'EIRC::Sockets::Peer';
}
