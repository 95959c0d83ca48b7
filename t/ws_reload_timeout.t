#!/usr/bin/perl

# Tests for worker_shutdown_timeout: clients that don't answer a goodbye hold
# a worker no longer than it says.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use Socket qw/ SOL_SOCKET SO_RCVBUF /;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/)->plan(6);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

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
            eirc_max_message_size 16m;
        }
    }
}

EOC

$t->run();

my $port = port(8080);

my $deaf = EIRC::WebSocket->connect($port, '/deaf');
$deaf->send_text('x');
$deaf->read_message();

my $part = EIRC::WebSocket->connect($port, '/part');
$part->send_frame(payload => 'part', fin => 0);
$part->ping('seen');
$part->read_frame();

my $slow = EIRC::WebSocket->connect($port, '/slow',
    SocketOptions => [ [ SOL_SOCKET, SO_RCVBUF, 8192 ] ]);
$slow->send_raw($slow->frame(payload => 'x' x 10000000)
    . $slow->frame(payload => 'behind') x 1000, 1);

my $start = time();
$t->stop();

cmp_ok(time() - $start, '<', 3, 'stopped in time');

is(($deaf->wait_close())[0], 1012, 'goodbye');
is(($part->wait_close())[0], 1012, 'goodbye within a message');

my $log = $t->read_file('code.log');

like($log, qr!^/deaf 1012$!m, 'deaf in the log');
like($log, qr!^/part 1012$!m, 'part in the log');
like($log, qr!^/slow 1012$!m, 'slow in the log');
