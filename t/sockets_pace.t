#!/usr/bin/perl

# Tests for the connector by itself, over its control channel: first
# connections are not paced, later ones are, each server for itself; what was
# cancelled is not answered; it ends with its channel.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Processes;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket;
use Time::HiRes qw/ time /;

use constant { CONNECT => 3, CANCEL => 4, CONNECTED => 5 };

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(11);

# they take connections in their backlog

my @servers = map {
    IO::Socket::INET->new(Listen => 1024, LocalAddr => '127.0.0.1',
        Proto => 'tcp') or die "socket: $!\n"
} 1 .. 3;

my ($pid, $control) = connector();
my $key = 0;

# first connections

ask($servers[0], 0) for 1 .. 150;
my $begin = time();
is(answers(150, 5), 150, 'first connections');
ok(time() - $begin < 0.9, '... are not paced');

# they come back: 100 at once, then 50 a second

$begin = time();
ask($servers[1], 1) for 1 .. 140;
is(answers(100, 5), 100, 'a hundred at once');
ok(time() - $begin < 0.7, '... are not paced');

# another server has a pace of its own: it is not behind those that wait

ask($servers[2], 1);

my @names = map { (answer(5) || {})->{name} || '' } 1 .. 41;
my ($place) = grep { $names[$_] eq '127.0.0.1 ' . $servers[2]->sockport() }
    0 .. 40;

ok(defined $place && $place < 20, 'another server');
is(scalar(grep { $_ eq '127.0.0.1 ' . $servers[1]->sockport() } @names), 40,
    'the rest');
ok(time() - $begin > 0.7, '... take their time');

# cancelled while they wait

my $first = $key + 1;
ask($servers[1], 1) for 1 .. 30;
say_to(CANCEL, $_) for $first .. $key - 1;

my %came;

while (my $answer = answer(1)) {
    $came{ $answer->{key} } = 1;
}

ok($came{$key}, 'one was not cancelled');
ok(keys %came < 10, '... the others were');

# the end

close $control;
ok(wait_until(5, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }), 'end');

# a record that breaks the rules

($pid, $control) = connector();
send($control, pack('LlLLQL', 99, 0, 0, 0, 0, 0), 0);
ok(wait_until(5, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }),
    'broken record');


sub connector {
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_SEQPACKET, 0)
        or die "socketpair(): $!\n";

    my $pid = fork();
    die "Can't fork: $!\n" if !defined $pid;

    if (!$pid) {
        my $fd = fileno($theirs);
        POSIX::dup2($fd, 100);
        POSIX::dup2(100, 3);
        POSIX::close($_) for 4 .. 100;
        exec { irc_client() } 'irc-client', '--role=connector'
            or POSIX::_exit(127);
    }

    close $theirs;

    return ($pid, $ours);
}


# type, status, value, serial, key, size and data, as in control.h

sub say_to {
    my ($type, $key, $value, $data) = @_;

    $data = '' if !defined $data;

    return send($control, pack('LlLLQL', $type, 0, $value || 0, 0, $key,
        length $data) . $data, 0);
}


sub ask {
    my ($server, $attempt) = @_;
    my $host = '127.0.0.1';

    return say_to(CONNECT, ++$key, $attempt,
        pack('CCv', 0, length $host, $server->sockport()) . $host);
}


# The descriptor that comes along is closed by the kernel.

sub answer {
    my ($seconds) = @_;

    return undef if !IO::Select->new($control)->can_read($seconds);

    recv($control, my $bytes, 8192, 0);
    return undef if length $bytes < 28;

    my ($type, $status, undef, undef, $key, $size) = unpack 'LlLLQL', $bytes;

    return answer($seconds) if $type != CONNECTED;
    return { status => $status, key => $key, name => substr($bytes, 28,
        $size) };
}


sub answers {
    my ($n, $seconds) = @_;
    my $ok = 0;

    for (1 .. $n) {
        my $answer = answer($seconds) or last;
        $ok++ if $answer->{status} == 0;
    }

    return $ok;
}
