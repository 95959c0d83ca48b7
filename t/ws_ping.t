#!/usr/bin/perl

# Tests for eirc_ping: who is silent is asked, and who stays silent is gone.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/)->plan(17);

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
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_ping    300ms timeout=400ms;

        location /on {
            eirc_echo on;
        }

        location /off {
            eirc_echo on;
            eirc_ping off;
        }

        location /default {
            eirc_echo on;
            eirc_ping 25s;
        }
    }
}

EOC

$t->run();

my $port = port(8080);
my ($ws, $off, $default, $start, $frame);

$off = EIRC::WebSocket->connect($port, '/off');
$default = EIRC::WebSocket->connect($port, '/default');

# a client that answers

$start = time();
$ws = EIRC::WebSocket->connect($port, '/on');
$frame = $ws->read_frame();
is($frame->{opcode}, 9, 'ping');
cmp_ok(time() - $start, '>', 0.25, 'not too early');
cmp_ok(time() - $start, '<', 2, 'not too late');
$ws->pong($frame->{payload});

$ws->read_message(2);
cmp_ok(scalar $ws->pings(), '>=', 3, 'pings that are answered go on');
ok(!$ws->closed(), 'and nothing ends');

# bytes of any kind are a sign of life

$ws = EIRC::WebSocket->connect($port, '/on', pong => 0);
$start = time();

my @seen;

while (time() - $start < 2) {
    $ws->send_text('here');
    $frame = $ws->read_frame();
    push @seen, $frame ? $frame->{opcode} : 'end';
    select(undef, undef, undef, 0.1);
}

is(join('', grep { $_ ne '1' } @seen), '', 'no ping while there are messages');
cmp_ok(scalar @seen, '>', 5, 'messages');

# asked, and answered with something else

is($ws->read_frame()->{opcode}, 9, 'ping after the messages');
$ws->send_text('late');
is($ws->read_frame()->{payload}, 'late', 'any answer will do');
is($ws->read_frame()->{opcode}, 9, 'asked again');

# a client that doesn't answer

$start = time();
$ws = EIRC::WebSocket->connect($port, '/on', pong => 0);
is(($ws->wait_close())[0], 1006, 'silence ends it');
cmp_ok(time() - $start, '>', 0.6, 'after both times');
cmp_ok(time() - $start, '<', 4, 'but not much later');

# all the while nobody asked the others

is($off->read_frame(0), undef, 'no ping when off');
is($default->read_frame(0), undef, 'no ping before its time');

$_->disconnect() for $off, $default;

undef $ws;

$t->stop();

like($t->read_file('code.log'), qr!^/on 1006$!m, 'code in the log');
like($t->read_file('error.log'),
    qr/\[info\].*client did not answer a ping/, 'logged');
