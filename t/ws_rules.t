#!/usr/bin/perl

# Tests for rules of RFC 6455 that no other test is about: the examples in it,
# the look of our own frames, and how our own closing handshake goes.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Layer;
use EIRC::WebSocket;

use IO::Select;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(41);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;

    log_format  code  '$uri $eirc_close_code';
    access_log  %%TESTDIR%%/code.log code;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /echo {
            eirc_echo on;
            eirc_max_message_size 100000;
        }

        location /moved {
            return 307 /echo;
        }

        location /chat {
            eirc_pass         irc://irc.example.net;
            eirc_auth_request /auth;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        location / {
            default_type application/json;
            return 200 '{"nick":"alice"}';
        }
    }
}

EOC

my $layer = EIRC::Layer->start($t->testdir() . "/run");
my ($ws, $frame, $token) = (undef, undef, 0);

$t->run();

my $port = port(8080);

# 4.2.1: the request may name the whole URI

$ws = EIRC::WebSocket->connect($port, "http://127.0.0.1:$port/echo");
ok($ws->ok(), '4.2.1, whole URI');

# 4.2.2: what an application says before anything is upgraded

$ws = EIRC::WebSocket->connect($port, '/moved');
is($ws->status(), 307, '4.2.2, redirect');
is($ws->header('Sec-WebSocket-Accept'), undef, '4.2.2, and no handshake');
is(EIRC::WebSocket->connect($port, '/nowhere')->status(), 404,
    '4.2.2, no such resource');

# 5.7: the examples, byte for byte, and what has to come back

my @examples = (
    ['text', "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        "\x81\x05Hello"],
    ['text in two frames', "\x01\x83\0\0\0\0Hel\x80\x82\0\0\0\0lo",
        "\x81\x05Hello"],
    ['ping', "\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        "\x8a\x05Hello"],
    ['256 bytes', "\x82\xfe\x01\x00\0\0\0\0" . 'b' x 256,
        "\x82\x7e\x01\x00" . 'b' x 256],
    ['64 KiB', "\x82\xff\0\0\0\0\0\1\0\0\0\0\0\0" . 'k' x 65536,
        "\x82\x7f\0\0\0\0\0\1\0\0" . 'k' x 65536],
    ['empty text', "\x81\x80abcd", "\x81\x00"],
    ['empty ping', "\x89\x80abcd", "\x8a\x00"],
);

for my $example (@examples) {
    my ($name, $bytes, $answer) = @$example;

    $ws = open_ws();
    $ws->send_raw($bytes);
    is(unpack('H*', bytes($ws, length $answer)), unpack('H*', $answer),
        "5.7, $name");
}

# 5.1, 5.2, 6.1: our own frames at each form of the length

for my $size (0, 1, 125, 126, 65535, 65536, 100000) {
    $ws = open_ws();
    $ws->send_binary('x' x $size);
    $frame = $ws->read_frame();
    is(join(' ', @$frame{qw/ fin rsv opcode masked /},
        length $frame->{payload}), "1 0 2 0 $size",
        "5.2, our frame of $size bytes");
    is($ws->problem(), '', "5.1, 5.2, not masked, shortest length of $size");
}

# 5.3: each frame of a message has a mask of its own

$ws = open_ws();
$ws->send_raw(join '', map { $ws->frame(opcode => $_ ? 0 : 1, fin => $_ == 9,
    payload => "part$_", mask => pack('N', 0x01020304 * $_)) } 0 .. 9);
is($ws->read_message()->{payload}, join('', map { "part$_" } 0 .. 9),
    '5.3, a mask for each frame');

# 5.4: a message in parts is one message, of the first part's kind

$ws = open_ws();
$ws->send_raw($ws->frame(opcode => 2, fin => 0, payload => "\xff")
    . $ws->frame(opcode => 0, payload => "\xfe"));
$frame = $ws->read_message();
is("$frame->{opcode} $frame->{payload}", "2 \xff\xfe",
    '5.4, parts are of the kind of the first');

# 5.5.2, 5.5.3: a pong has what the ping had, whatever that is

$ws = open_ws();
my $payload = join '', map { chr } 0 .. 124;
$ws->ping($payload);
$frame = $ws->read_frame();
is(join(' ', $frame->{opcode}, unpack 'H*', $frame->{payload}),
    '10 ' . unpack('H*', $payload), '5.5.3, pong with any bytes');

# our own close: nothing behind it, the answer is awaited, then we end first

$ws = chat();
$layer->lines(0, 'before');
$layer->record('END', $EIRC::Layer::REASONS{IRC_REFUSED}, 0, 'banned');
$ws->expect(qr/before/);
my $close;

while ($frame = $ws->read_frame()) {
    $close = $frame if $frame->{opcode} == 8;
    last if $close;
}

my ($code) = unpack 'n', $close->{payload};

cmp_ok($code, '>=', 4000, '7.1.2, we start the closing handshake');
is(IO::Select->new($ws->socket())->can_read(0.3), undef,
    '5.5.1, we wait for the answer');
$ws->send_text('late');
$ws->ping('late');
is(IO::Select->new($ws->socket())->can_read(0.3), undef,
    '5.5.1, nothing is sent behind a close frame');
$ws->close($code);
ok(IO::Select->new($ws->socket())->can_read(3), '7.1.1, and then');
is(sysread($ws->socket(), my $rest, 1), 0, '7.1.1, we close TCP first');

# a peer that never answers

$ws = chat();
my $silent = $ws->socket();
$layer->record('END', $EIRC::Layer::REASONS{IRC_REFUSED}, 0, 'banned');
$ws->expect(qr/nothing of the kind/, 3);
ok(!IO::Select->new($silent)->can_read(1), '7.1.1, its answer is awaited');
ok(IO::Select->new($silent)->can_read(6), '7.1.1, but not for ever');

# 7.1.5, 7.2.1: no close frame at all

$ws = EIRC::WebSocket->connect($port, '/echo/abnormal');
$ws->send_text('x');
$ws->read_message();
$ws->disconnect();

# 7.1.7: what fails a connection ends it, with everything behind

$ws = open_ws();
$ws->send_raw($ws->frame(payload => 'x', masked => 0)
    . $ws->frame(payload => 'behind'));
is(join(' ', ($ws->wait_close())[0, 2], $ws->messages()), '1002 1',
    '7.1.7, nothing counts behind a failure');

# 7.4.1, 7.4.2: we never send what may not be sent

$ws = open_ws();
$ws->close();
$frame = $ws->read_frame();
is(length $frame->{payload}, 0, '7.4.1, 1005 is never sent');

# 8.1, 5.6: whole characters matter in messages, not in frames

$ws = open_ws();
$ws->send_raw(join '', map { $ws->frame(opcode => $_->[0], fin => $_->[1],
    payload => $_->[2]) } [1, 0, "\xf0"], [0, 0, "\x9f\x98"], [0, 0, ''],
    [0, 1, "\x80"]);
is($ws->read_message()->{payload}, "\xf0\x9f\x98\x80",
    '5.6, a character over several frames');

undef $ws;

$t->stop();

like($t->read_file('code.log'), qr!^/echo/abnormal 1006$!m,
    '7.1.5, no close frame is 1006');
like($t->read_file('code.log'), qr!^/echo 1005$!m,
    '7.1.5, no code is 1005');
like($t->read_file('code.log'), qr!^/echo 1002$!m,
    '7.1.5, our own code otherwise');


sub open_ws {
    return EIRC::WebSocket->connect($port, '/echo');
}


sub chat {
    my $w = EIRC::WebSocket->connect($port, '/chat?chat_token=t' . ++$token);

    die 'no session: ' . $w->status() . "\n" if !$w->ok();

    return $w;
}


# so many bytes as they come

sub bytes {
    my ($w, $length) = @_;

    my $text = '';

    while (length $text < $length
        && IO::Select->new($w->socket())->can_read(5))
    {
        sysread($w->socket(), $text, 65536, length $text) or last;
    }

    return $text;
}
