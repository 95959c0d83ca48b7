#!/usr/bin/perl

# Tests for eirc_echo: messages of all sizes through the real layers.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http rewrite/)->plan(34);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format  eirc  '$uri $status $eirc_close_code';
    access_log  %%TESTDIR%%/eirc.log eirc;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /echo {
            eirc_echo on;
            eirc_max_message_size 16m;
            add_header X-Added yes always;
        }

        location /small {
            eirc_echo on;
            eirc_max_message_size 1000;
        }

        location /inside {
            eirc_echo on;

            if ($arg_a) {
                add_header X-Inside yes always;
            }

            location /inside/not {
                return 200 "not";
            }
        }

        location /off {
            eirc_echo off;
        }
    }
}

EOC

$t->run();

my $port = port(8080);
my ($ws, $message, $frame);

# sizes around each form of the length, and around the buffers

$ws = EIRC::WebSocket->connect($port, '/echo', timeout => 10);
ok($ws->ok(), 'handshake');
is($ws->header('X-Added'), 'yes', 'added header');

for my $size (0, 1, 125, 126, 127, 65535, 65536, 65537, 300000) {
    my $text = join('', map { chr(32 + $_ % 95) } 1 .. $size);

    $ws->send_text($text);
    $message = $ws->read_message();
    ok($message && $message->{payload} eq $text && $message->{opcode} == 1,
        "text of $size bytes");
}

my $bytes = join('', map { chr } 0 .. 255) x 4;

$ws->send_binary($bytes);
$message = $ws->read_message();
is($message->{opcode}, 2, 'binary stays binary');
is($message->{payload}, $bytes, 'binary bytes');

$ws->send_text("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
is($ws->read_message()->{payload}, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
    'text beyond ASCII');

$ws->send_text("\0\r\n");
is($ws->read_message()->{payload}, "\0\r\n", 'control characters');

# the answer is one frame in its shortest form

$ws->send_raw($ws->frame(payload => 'a', fin => 0)
    . $ws->frame(opcode => 0, payload => 'b'));
$frame = $ws->read_frame();
is($frame->{payload}, 'ab', 'fragments are joined');
ok($frame->{fin}, 'in one frame');

# many messages in one packet, and one message in many

$ws->send_raw(join('', map { $ws->frame(payload => "m$_") } 1 .. 500));
is(join(' ', map { my $m = $ws->read_message(); $m ? $m->{payload} : '' }
    1 .. 500), join(' ', map { "m$_" } 1 .. 500), 'many messages at once');

$ws->send_frame(opcode => 9, payload => 'ping');
$ws->send_text('after');
$ws->expect(qr/^after$/);
is(join(' ', $ws->pongs()), 'ping', 'pong');

# large: its output doesn't fit the socket, so that it is kept

my $large = 'x' x (10 * 1024 * 1024);

$ws->send_raw($ws->frame(payload => $large), 20);
$message = $ws->read_message(20);
ok($message && $message->{payload} eq $large, 'message of 10 MB');

# 65,536 fragments

$ws->send_raw($ws->frame(fin => 0, payload => 'f')
    . $ws->frame(opcode => 0, fin => 0, payload => 'f', mask => 'abcd')
        x 65534 . $ws->frame(opcode => 0, payload => 'f'), 20);
$message = $ws->read_message(20);
ok($message && $message->{payload} eq 'f' x 65536, 'message of 65536 parts');

$ws->close(1000, 'bye');
is(join(' ', $ws->wait_close()), '1000  1', 'closed');
is($ws->problem(), '', 'no problem');

# the limit: refused by the length, before any of it has come

$ws = EIRC::WebSocket->connect($port, '/small');

$ws->send_text('x' x 1000);
is(length $ws->read_message()->{payload}, 1000, 'at the limit');

$ws->send_raw(substr($ws->frame(payload => 'x' x 1001), 0, 8));
is(($ws->wait_close())[0], 1009, 'above the limit');

$ws = EIRC::WebSocket->connect($port, '/small');
$ws->send_raw(join('', map { $ws->frame(opcode => $_ == 1 ? 1 : 0, fin => 0,
    payload => 'x' x 100) } 1 .. 11));
is(($ws->wait_close())[0], 1009, 'above the limit in fragments');

# 10 MB where 1000 bytes are taken; the client gets to know why

$ws = EIRC::WebSocket->connect($port, '/small', timeout => 10);
$ws->send_raw($ws->frame(payload => $large));
is(($ws->wait_close())[0], 1009, 'far above the limit');

# where it is on

$ws = EIRC::WebSocket->connect($port, '/inside?a=1');
ok($ws->ok(), 'within "if"');
is($ws->header('X-Inside'), 'yes', 'header of "if"');
$ws->send_text('in');
is($ws->read_message()->{payload}, 'in', 'echo within "if"');
$ws->close(3000);
is(($ws->wait_close())[0], 3000, 'close');

undef $ws;

is(EIRC::WebSocket->connect($port, '/inside/not')->status(), 200,
    'not inherited');
is(EIRC::WebSocket->connect($port, '/off')->status(), 404, 'off');

$t->stop();

is(join('', sort split /^/, $t->read_file('eirc.log')), <<'EOL', 'access log');
/echo 101 1000
/inside 101 3000
/inside/not 200 -
/off 404 -
/small 101 1009
/small 101 1009
/small 101 1009
EOL
