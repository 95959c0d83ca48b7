#!/usr/bin/perl

# Tests for frames: what may come in which order, in whatever pieces, and the
# close code that answers what may not (RFC 6455, 5).

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use Socket qw/ IPPROTO_TCP TCP_NODELAY /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/)->plan(61);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /echo {
            eirc_echo on;
            eirc_max_message_size 200000;
        }
    }
}

EOC

$t->run();

my $port = port(8080);
my $mask = "\x12\x34\x56\x78";
my ($ws, $bytes);

# a conversation, cut at every byte

$bytes = frame(payload => "caf\xc3\xa9 \xf0\x9f\x98\x80")
    . frame(opcode => 9, payload => 'ping')
    . frame(payload => "a\xe2", fin => 0)
    . frame(opcode => 10, payload => 'unasked')
    . frame(opcode => 0, payload => "\x82", fin => 0)
    . frame(opcode => 0, payload => '', fin => 0)
    . frame(opcode => 9, payload => '')
    . frame(opcode => 0, payload => "\xacb")
    . frame(opcode => 2, payload => 'x' x 126)
    . frame(opcode => 8, payload => "\x03\xe8bye");

my @bad;

for my $cut (1 .. length($bytes) - 1) {
    $ws = open_ws();
    $ws->send_raw(substr($bytes, 0, $cut));

    $ws->send_raw(substr($bytes, $cut));
    push @bad, $cut if conversation($ws)
        ne "caf\xc3\xa9 \xf0\x9f\x98\x80|a\xe2\x82\xacb|" . 'x' x 126
            . '|ping,|1000';
}

is("@bad", '', 'cut at every byte');

$ws = open_ws();

# there is no answer to a byte that could be awaited

for my $byte (split //, $bytes) {
    $ws->send_raw($byte);
    select(undef, undef, undef, 0.001);
}

is(conversation($ws), "caf\xc3\xa9 \xf0\x9f\x98\x80|a\xe2\x82\xacb|"
    . 'x' x 126 . '|ping,|1000', 'byte by byte');

# masks

for my $m ("\0\0\0\0", "\xff\xff\xff\xff", "\0\0\0\1") {
    $ws = open_ws();
    $ws->send_frame(payload => 'masked text', mask => $m);
    is($ws->read_message()->{payload}, 'masked text',
        'mask ' . unpack('H*', $m));
}

# control frames

$ws = open_ws();
$ws->send_frame(opcode => 9, payload => 'p' x 125);
$ws->send_text('x');
$ws->expect(qr/x/);
is(($ws->pongs())[0], 'p' x 125, 'longest ping');

$ws->send_raw(join('', map { frame(opcode => 9, payload => $_) } 1 .. 5));
$ws->send_text('y');
$ws->expect(qr/y/);
is(join(' ', $ws->pongs()), join(' ', 'p' x 125, 1 .. 5), 'pings in order');

# a flood of them in one packet is answered in part, the last one always

$ws->send_raw(join('', map { frame(opcode => 9, payload => $_) } 1 .. 1000));
$ws->send_text('w');
$ws->expect(qr/w/);
is($ws->read_message(0.2), undef, 'nothing but pongs');
is(($ws->pongs())[-1], '1000', 'last of many pings');
cmp_ok(scalar $ws->pongs(), '<', 900, 'not all of many pings');

$ws->send_frame(opcode => 10, payload => 'unasked');
$ws->send_text('z');
ok($ws->expect(qr/z/), 'pong that nobody asked for');

# broken rules: name, code, bytes

my @violations = (
    ['not masked', 1002, frame(payload => 'x', masked => 0)],
    ['ping not masked', 1002, frame(opcode => 9, masked => 0)],
    ['RSV1', 1002, frame(payload => 'x', rsv => 4)],
    ['RSV2', 1002, frame(payload => 'x', rsv => 2)],
    ['RSV3', 1002, frame(payload => 'x', rsv => 1)],
    ['RSV1 on a ping', 1002, frame(opcode => 9, rsv => 4)],
    (map { ["opcode $_", 1002, frame(opcode => $_)] } 3 .. 7, 11 .. 15),
    ['ping in parts', 1002, frame(opcode => 9, fin => 0)],
    ['close in parts', 1002, frame(opcode => 8, fin => 0)],
    ['long ping', 1002, frame(opcode => 9, payload => 'x' x 126)],
    ['long close', 1002, frame(opcode => 8, payload => "\x03\xe8"
        . 'x' x 124)],
    ['continuation first', 1002, frame(opcode => 0, payload => 'x')],
    ['continuation after a whole message', 1002,
        frame(payload => 'x') . frame(opcode => 0, payload => 'x')],
    ['message in a message', 1002,
        frame(payload => 'x', fin => 0) . frame(payload => 'y')],
    ['top bit of the length', 1002,
        "\x81\xff\x80\0\0\0\0\0\0\1$mask"],
    ['length of 16 bits for 125', 1002, "\x81\xfe\0\x7d$mask"],
    ['length of 64 bits for 65535', 1002,
        "\x81\xff\0\0\0\0\0\0\xff\xff$mask"],
    ['too big', 1009, "\x81\xff\0\0\0\0\0\3\x0d\x41$mask"],
    ['very big', 1009, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff$mask"],
    ['too big in parts', 1009,
        frame(payload => 'x' x 199999, fin => 0)
        . frame(opcode => 0, payload => 'xx')],
    ['binary too big', 1009, "\x82\xff\0\0\0\0\0\3\x0d\x41$mask"],

    # UTF-8: overlong, surrogates, beyond, cut, lone bytes

    (map { ['text ' . unpack('H*', $_), 1007, frame(payload => "ok$_")] }
        "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
        "\x80", "\xff", "\xe2\x82", "\xe2\x28\xa1", "\xc3"),
    ['bad byte in a later part', 1007, frame(payload => "a\xe2", fin => 0)
        . frame(opcode => 0, payload => "\x28", fin => 0)],
    ['text ends in a character', 1007, frame(payload => "a\xe2", fin => 0)
        . frame(opcode => 9, payload => '') . frame(opcode => 0,
        payload => "\x82")],

    # at once, not at the end of the message

    ['bad byte of a text that goes on', 1007,
        substr(frame(payload => "\xff" . 'x' x 100), 0, 10)],
    ['ping of a bad length that is not there', 1002, "\x89\xfe"],
    ['opcode of a frame that is not there', 1002, "\x83\x80"],
);

for my $case (@violations) {
    my ($name, $code, $violation) = @$case;

    $ws = open_ws();
    $ws->send_raw($violation);

    # the server doesn't wait for our close frame

    my @frames;

    while (my $frame = $ws->read_frame()) {
        push @frames, $frame if $frame->{opcode} == 8;
    }

    is(@frames == 1 && $ws->closed()
        ? unpack('n', $frames[0]{payload}) : 'no close', $code, $name);
}

# binary may hold anything

$ws = open_ws();
$ws->send_binary("\xff\xc0\x80");
is($ws->read_message()->{payload}, "\xff\xc0\x80", 'binary is no text');

# what came before a broken rule counts, what comes after doesn't

$ws = open_ws();
$ws->send_raw(frame(payload => 'before') . frame(opcode => 3)
    . frame(payload => 'after'));
is(join(' ', ($ws->wait_close())[0], $ws->messages()), '1002 before',
    'around a broken rule');

undef $ws;

$t->stop();

like($t->read_file('error.log'),
    qr/\[info\].*client broke a rule of websocket: reserved opcode/, 'logged');


sub frame {
    return EIRC::WebSocket->frame(mask => $mask, @_);
}


sub open_ws {
    return EIRC::WebSocket->connect($port, '/echo',
        SocketOptions => [ [ IPPROTO_TCP, TCP_NODELAY, 1 ] ]);
}


# all that comes, as one string

sub conversation {
    my ($w) = @_;
    my $code = do { $w->{close_sent} = 1; ($w->wait_close())[0] };

    return $w->problem() if $w->problem();
    return join('|', $w->messages(), join(',', $w->pongs()), $code);
}
