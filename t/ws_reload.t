#!/usr/bin/perl

# Tests for reload and shutdown with open WebSockets: 1012, spread over a few
# seconds, and the old worker is gone.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use IO::Select;
use POSIX qw/ _exit /;
use Socket qw/ SOL_SOCKET SO_RCVBUF /;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/)->plan(15);

# no worker_shutdown_timeout: everything has to end by itself

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format  code  '$uri $eirc_close_code';
    access_log  %%TESTDIR%%/code.log code;

    server {
        listen       127.0.0.1:8080 sndbuf=16k;
        server_name  localhost;

        location / {
            eirc_echo on;
            eirc_max_message_size 1m;
        }
    }
}

EOC

$t->run();

my $port = port(8080);
my ($ws, $start);

# idle ones, one within a message, one that doesn't read

my @ws = map { EIRC::WebSocket->connect($port, '/idle') } 1 .. 10;
my $part = EIRC::WebSocket->connect($port, '/part');
my $slow = EIRC::WebSocket->connect($port, '/slow',
    SocketOptions => [ [ SOL_SOCKET, SO_RCVBUF, 8192 ] ]);

for my $w (@ws) {
    $w->send_text('x');
    $w->read_message();
}

$part->send_frame(payload => 'part', fin => 0);
$part->ping('seen');
$part->read_frame();
$slow->send_raw($slow->frame(payload => 'x' x 1000000));

$start = time();
$t->reload();

my (@codes, @times);

while (@codes < @ws) {
    my $select = IO::Select->new(map { $_->socket() } grep { !$_->closed() }
        @ws);
    my @ready = $select->can_read(6) or last;

    for my $w (grep { my $s = $_->socket(); grep { $_ == $s } @ready } @ws) {
        my ($code, $reason) = $w->wait_close();
        push @codes, "$code $reason";
        push @times, time() - $start;
    }
}

is(join(',', @codes), join(',', ('1012 restarting') x 10), 'goodbye');
cmp_ok($times[-1], '<', 5, 'within a few seconds');
cmp_ok($times[-1] - $times[0], '>', 0.1, 'but not at once');

is(($part->wait_close())[0], 1012, 'goodbye within a message');

# the new worker is there

$ws = EIRC::WebSocket->connect($port, '/new');
$ws->send_text('new');
is($ws->read_message()->{payload}, 'new', 'new worker');

# the slow one gets its message, and then the goodbye

$slow->wait_close(10);
is(length(($slow->messages())[0] || ''), 1000000, 'output goes first');

$_->disconnect() for @ws, $part, $slow;

ok(logged($t, 'error.log', qr/worker process \d+ exited with code 0/),
    'old worker is gone');

# one that says nothing to the goodbye, one that is silent at the end

my $deaf = EIRC::WebSocket->connect($port, '/deaf');
my $gone = EIRC::WebSocket->connect($port, '/gone');

$deaf->send_text('x');
$deaf->read_message();
$gone->send_text('x');
$gone->read_message();
$gone->disconnect();

# one that stops to talk just then

my $late = EIRC::WebSocket->connect($port, '/late');
$late->send_text('x');
$late->read_message();

$start = time();

my $pid = fork();

die "Can't fork: $!\n" if !defined $pid;

if ($pid == 0) {

    # the clients of a test that waits for nginx

    $late->wait_close(10);
    select(undef, undef, undef, 0.1);
    $deaf->read_message(20);
    POSIX::_exit(0);
}

$late->disconnect();
$t->stop();

cmp_ok(time() - $start, '<', 15, 'stopped by itself');

my $log = $t->read_file('code.log');

is(() = $log =~ m!^/idle 1012$!mg, 10, 'idle in the log');
like($log, qr!^/part 1012$!m, 'part in the log');
like($log, qr!^/slow 1012$!m, 'slow in the log');
like($log, qr!^/deaf 1012$!m, 'deaf in the log');
like($log, qr!^/late 1012$!m, 'late in the log');
like($log, qr!^/gone 1006$!m, 'gone in the log');
unlike($t->read_file('error.log'), qr/open socket/, 'no socket left');

waitpid($pid, 0);


sub logged {
    my ($t, $name, $re) = @_;
    my $end = time() + 15;

    while (time() < $end) {
        return 1 if $t->read_file($name) =~ $re;
        select(undef, undef, undef, 0.05);
    }

    return 0;
}
