#!/usr/bin/perl

# Tests for permessage-deflate: what is agreed on, which frames may be
# compressed, and what a message may be made of (RFC 7692).

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Deflate;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/);

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

        eirc_max_message_size 100000;

        location /on {
            eirc_echo on;
        }

        location /off {
            eirc_echo on;
            eirc_deflate off;
        }

        location /context {
            eirc_echo on;
            eirc_deflate context window=15 client_window=15;
        }

        location /small {
            eirc_echo on;
            eirc_deflate context window=10 client_window=9;
        }
    }
}

EOC

my $pmd = 'permessage-deflate';
my $snct = 'server_no_context_takeover';
my $cnct = 'client_no_context_takeover';
my $smwb = 'server_max_window_bits';
my $cmwb = 'client_max_window_bits';

# clause, location, header lines, answer: undef for none, 400 for a refusal

my @offers = (
    ['5, nothing offered', 'on', [], undef],
    ['5.1, the plain offer', 'on', [$pmd], "$pmd; $snct; $cnct"],
    ['5.1, the plain offer, with context', 'context', [$pmd], $pmd],
    ['5, switched off', 'off', [$pmd], undef],
    ['5, another extension', 'on', ['x-other; a=1'], undef],
    ['5, another extension beside', 'context', ["x-other, $pmd"], $pmd],
    ['5.1, order of offers', 'context',
        ["$pmd; $smwb=9, $pmd; $smwb=11"], "$pmd; $smwb=9"],
    ['5.1, first that can be met', 'context',
        ["$pmd; unknown, $pmd; $snct"], "$pmd; $snct"],
    ['5.1, offers in two lines', 'context',
        ["$pmd; $smwb=7", "$pmd; $smwb=12"], "$pmd; $smwb=12"],
    ['5.1, order of lines', 'context', ["$pmd; $smwb=13", $pmd],
        "$pmd; $smwb=13"],

    ["7.1.1.1, $snct", 'context', ["$pmd; $snct"], "$pmd; $snct"],
    ["7.1.1.1, $snct with a value", 'context', ["$pmd; $snct=1"], undef],
    ["7.1.1.2, $cnct", 'context', ["$pmd; $cnct"], "$pmd; $cnct"],
    ["7.1.1.2, $cnct with a value", 'context', ["$pmd; $cnct=x"], undef],
    ["7.1.1, both", 'context', ["$pmd; $cnct; $snct"],
        "$pmd; $snct; $cnct"],

    (map { ["7.1.2.1, $smwb=$_", 'context', ["$pmd; $smwb=$_"],
        "$pmd; $smwb=$_"] } 8 .. 15),
    (map { ["7.1.2.1, $smwb=$_ is none", 'context', ["$pmd; $smwb=$_"],
        undef] } 0, 7, 16, 100, '08', 'x'),
    ["7.1.2.1, $smwb without a value", 'context', ["$pmd; $smwb"], undef],
    ["7.1.2.1, $smwb quoted", 'context', ["$pmd; $smwb=\"9\""],
        "$pmd; $smwb=9"],
    ["7.1.2.1, $smwb, ours is smaller", 'small', ["$pmd; $smwb=12"],
        "$pmd; $smwb=10"],
    ["7.1.2.1, $smwb, theirs is smaller", 'small', ["$pmd; $smwb=9"],
        "$pmd; $smwb=9"],
    ["7.1.2.1, ours is stated unasked", 'small', [$pmd], "$pmd; $smwb=10"],

    ["7.1.2.2, $cmwb without a value", 'context', ["$pmd; $cmwb"], $pmd],
    ["7.1.2.2, $cmwb without a value, ours", 'small', ["$pmd; $cmwb"],
        "$pmd; $smwb=10; $cmwb=9"],
    (map { ["7.1.2.2, $cmwb=$_", 'context', ["$pmd; $cmwb=$_"],
        "$pmd; $cmwb=$_"] } 8 .. 14),
    ["7.1.2.2, $cmwb, theirs is smaller", 'small', ["$pmd; $cmwb=8"],
        "$pmd; $smwb=10; $cmwb=8"],
    (map { ["7.1.2.2, $cmwb=$_ is none", 'context', ["$pmd; $cmwb=$_"],
        undef] } 7, 16, '010', '-9'),
    ["7.1.2.2, no $cmwb unless offered", 'small', ["$pmd; $snct"],
        "$pmd; $snct; $smwb=10"],

    ['7.1.3, the second example', 'context',
        ["$pmd; $cmwb; $smwb=10"], "$pmd; $smwb=10"],
    ['7.1.3, the third example', 'context',
        ["$pmd; $cmwb; $smwb=10, $pmd; $cmwb"], "$pmd; $smwb=10"],

    ['7.1, all parameters', 'on', ["$pmd; $cmwb=10; $smwb=11; $cnct; $snct"],
        "$pmd; $snct; $cnct; $smwb=11; $cmwb=10"],
    ['7.1, unknown parameter', 'context', ["$pmd; x=1"], undef],
    (map { ["7.1, $_ twice", 'context', ["$pmd; $_; $_"], undef] }
        $snct, $cnct, $cmwb, "$smwb=9"),
    ['7.1, a fall-back', 'context', ["$pmd; $smwb=16, $pmd; $cmwb, $pmd"],
        $pmd],

    (map { ["RFC 6455, 9.1, malformed: $_->[0]", 'on', $_, 400] }
        ["$pmd;"], ["; $snct"], ["$pmd; $smwb="], ["$pmd; $smwb=\"9"],
        ["$pmd $pmd"], ["$pmd; =9"], ["$pmd; a=\"\""]),
    ['RFC 6455, 9.1, malformed second line', 'on', [$pmd, "$pmd;"], 400],
    ['RFC 6455, 9.1, malformed, switched off', 'off', ["$pmd;"], 400],
);

my $mask = "\x12\x34\x56\x78";
my $deflate = EIRC::Deflate->new();
my $hello = "\xf2\x48\xcd\xc9\xc9\x07\x00";
my $big = join '', map { chr(ord('a') + ($_ * 7 + $_ / 31) % 26) } 0 .. 99999;
my $noise = join '', map { chr int rand 256 } 1 .. 100000;

# name, opcode, frames, the message that comes back

my @messages = (
    ['7.2.3.1, one block', 1, [ $hello ], 'Hello'],
    ['7.2.3.1, two frames', 1, [ substr($hello, 0, 3), substr($hello, 3) ],
        'Hello'],
    ['7.2.3.1, a frame for each byte', 1, [ split //, $hello ], 'Hello'],
    ['7.2.3.6, empty frames', 1, [ '', $hello, '', '' ], 'Hello'],
    ['7.2.3.3, a block without compression', 1,
        [ "\x00\x05\x00\xfa\xffHello\x00" ], 'Hello'],
    ['7.2.3.4, a final block', 1, [ "\xf3\x48\xcd\xc9\xc9\x07\x00\x00" ],
        'Hello'],
    ['7.2.3.4, nothing behind a final block', 1,
        [ "\xf3\x48\xcd\xc9\xc9\x07\x00" ], 'Hello'],
    ['7.2.3.4, several final blocks', 1, [ substr($deflate->final('one '),
        0, -1) . $deflate->final('two') ], 'one two'],
    ['7.2.3.4, final blocks, then others', 2, [ substr($deflate->final('a'),
        0, -1) . substr($deflate->final('b' x 500), 0, -1) . $hello ],
        'a' . 'b' x 500 . 'Hello'],
    ['7.2.3.5, two blocks', 1, [ "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9"
        . "\xc9\x07\x00" ], 'Hello'],
    ['7.2.3.6, empty message', 1, [ "\x00" ], ''],
    ['7.2.3.6, empty message of another block', 1, [ "\x02\x00" ], ''],
    ['7.2.3.6, empty message, in frames', 2, [ '', "\x00", '' ], ''],
    ['7.2.3.6, empty message, no byte', 2, [ '' ], ''],
    ['7.2, largest message', 1, [ $deflate->pack($big) ], $big],
    ['7.2, largest message without compression', 2,
        [ $deflate->stored($noise) ], $noise],
    ['7.2, largest message in many frames', 2,
        [ unpack '(a100)*', EIRC::Deflate->new()->pack($noise) ], $noise],
    ['7.2, largest message of one character', 1,
        [ EIRC::Deflate->new()->pack('x' x 100000) ], 'x' x 100000],
    ['7.2, text in UTF-8', 1, [ EIRC::Deflate->new()
        ->pack("\xf0\x9f\x98\x80" x 300) ], "\xf0\x9f\x98\x80" x 300],
    ['7.2, binary that is no text', 2,
        [ EIRC::Deflate->new()->pack("\xff\xc0" x 300) ], "\xff\xc0" x 300],
);

# name, code, bytes

my @violations = (
    ['6.1, RSV1 on a continuation', 1002,
        frame(payload => substr($hello, 0, 3), rsv => 4, fin => 0)
        . frame(opcode => 0, payload => substr($hello, 3), rsv => 4)],
    ['6.1, RSV1 on a continuation alone', 1002,
        frame(payload => 'x', fin => 0)
        . frame(opcode => 0, payload => $hello, rsv => 4)],
    (map { ["6.1, RSV1 on a control frame, $_", 1002,
        frame(opcode => $_, rsv => 4)] } 8 .. 10),
    ['6, RSV2 beside RSV1', 1002, frame(payload => $hello, rsv => 6)],
    ['6, RSV3 beside RSV1', 1002, frame(payload => $hello, rsv => 5)],
    ['7.2.2, not deflate', 1007,
        frame(payload => "\x07\x00\x00", rsv => 4)],
    ['7.2.2, not deflate, binary', 1007,
        frame(opcode => 2, payload => "\xff" x 50, rsv => 4)],
    ['7.2.2, cut', 1007, frame(payload => substr($hello, 0, 4), rsv => 4)],
    ['7.2.2, reference to nothing', 1007,
        frame(payload => EIRC::Deflate->new()->pack('x' x 50)
            =~ s/^.//sr, rsv => 4)],
    ['7.2.2, wrong length of a block', 1007,
        frame(payload => "\x00\x05\x00\x00\x00Hello\x00", rsv => 4)],
    ['7.2.2, garbage behind a message', 1007,
        frame(payload => "$hello\xff\xff", rsv => 4)],
    ['RFC 6455, 8.1, bad UTF-8', 1007, frame(payload => EIRC::Deflate->new()
        ->pack("abc\xff"), rsv => 4)],
    ['RFC 6455, 8.1, ends in a character', 1007,
        frame(payload => EIRC::Deflate->new()->pack("abc\xe2\x82"),
            rsv => 4)],
    ['RFC 6455, 10.4, too big when unpacked', 1009, frame(payload => EIRC::Deflate->new()
        ->pack('x' x 100001), rsv => 4)],
    ['RFC 6455, 10.4, a bomb', 1009, frame(opcode => 2, payload => EIRC::Deflate->new()
        ->pack("\0" x 50_000_000), rsv => 4)],
    ['RFC 6455, 10.4, a bomb in frames', 1009, do {
        my @parts = unpack '(a1000)*',
            EIRC::Deflate->new()->pack("\0" x 20_000_000);
        my $last = pop @parts;
        frame(opcode => 2, payload => shift(@parts), rsv => 4, fin => 0)
            . join('', map { frame(opcode => 0, payload => $_, fin => 0) }
                @parts) . frame(opcode => 0, payload => $last)
    }],
    ['RFC 6455, 10.4, too big on the wire', 1009,
        "\xc2\xff\0\0\0\0\0\2\0\0$mask"],
);

$t->plan(@offers + @messages + @violations + 21);

$t->run();

my $port = port(8080);

for my $case (@offers) {
    my ($name, $location, $lines, $answer) = @$case;

    my $ws = EIRC::WebSocket->connect($port, "/$location",
        headers => [ map { "Sec-WebSocket-Extensions: $_" } @$lines ],
        @$lines ? (extensions => 'x-none') : ());

    if (defined $answer && $answer eq 400) {
        is($ws->status(), 400, $name);

    } else {
        is($ws->header('Sec-WebSocket-Extensions'), $answer, $name);
    }
}

# whole messages, with the worker's streams and with some of their own

for my $case (@messages) {
    my ($name, $opcode, $frames, $message) = @$case;
    my @got;

    for my $location (qw/ on context /) {
        my $ws = open_ws("/$location");
        my @parts = @$frames;
        my $first = 1;

        while (@parts) {
            my $part = shift @parts;

            $ws->send_frame(opcode => $first ? $opcode : 0,
                payload => $part, rsv => $first ? 4 : 0, fin => !@parts);
            $first = 0;
        }

        push @got, answer($ws);
    }

    ok($got[0] eq "$opcode $message" && $got[1] eq "$opcode $message", $name)
        or diag(join ' ', map { substr($_, 0, 100) } @got);
}

for my $case (@violations) {
    my ($name, $code, $bytes) = @$case;
    my $ws = open_ws('/on');

    $ws->send_raw($bytes);

    is(close_code($ws), $code, $name);
}

# 6: RSV1 means something only where the extension is agreed on

my $ws = EIRC::WebSocket->connect($port, '/on');
$ws->send_frame(payload => $hello, rsv => 4);
is(close_code($ws), 1002, '6, RSV1 without the extension');

$ws = EIRC::WebSocket->connect($port, '/off', extensions => $pmd);
$ws->send_frame(payload => $hello, rsv => 4);
is(close_code($ws), 1002, '6, RSV1 and the extension is off');

# 6, 7.2: messages may go uncompressed in between

$ws = open_ws('/on');

for (1 .. 3) {
    $ws->send_text('plain');
    is(answer($ws), '1 plain', "6, uncompressed message $_");
    $ws->send_frame(payload => $hello, rsv => 4);
    is(answer($ws), '1 Hello', "6, compressed message $_");
}

# control frames in between are not compressed and do no harm

$ws->send_raw(frame(payload => substr($hello, 0, 2), rsv => 4, fin => 0)
    . frame(opcode => 9, payload => 'one')
    . frame(opcode => 0, payload => substr($hello, 2, 2), fin => 0)
    . frame(opcode => 9, payload => 'two')
    . frame(opcode => 10, payload => 'unasked')
    . frame(opcode => 0, payload => substr($hello, 4)));
is(answer($ws), '1 Hello', '6.1, control frames inside of a message');
is(join(' ', $ws->pongs()), 'one two', '6.1, pings inside of a message');

# a message in pieces of every size

my $packed = EIRC::Deflate->new()->pack($big);
my $bytes = frame(payload => substr($packed, 0, 3), rsv => 4, fin => 0)
    . frame(opcode => 0, payload => '', fin => 0)
    . frame(opcode => 0, payload => substr($packed, 3));
my @bad;

for my $size (1 .. 7, 64, 1000) {
    $ws = open_ws('/on');
    $ws->send_raw($_) for unpack "(a$size)*", $bytes;
    push @bad, $size if answer($ws) ne "1 $big";
}

is("@bad", '', '7.2, pieces of every size');

# a close frame inside of a compressed message

$ws = open_ws('/on');
$ws->send_frame(payload => substr($hello, 0, 2), rsv => 4, fin => 0);
$ws->close(1000);
is(close_code($ws), 1000, 'close inside of a message');

# what we send: compressed if long enough, and if it gets smaller

$ws = open_ws('/on');
$ws->send_text('x' x 255);
is($ws->read_message()->{rsv}, 0, '7.2.1, short message is not compressed');

$ws->send_text('x' x 256);
my $message = $ws->read_message();
is($message->{rsv}, 4, '7.2.1, long message is compressed');
cmp_ok(length $message->{payload}, '<', 20, '7.2.1, and gets smaller');
is(EIRC::Deflate->new()->unpack($message->{payload}), 'x' x 256,
    '7.2.1, and is the same');
isnt(substr($message->{payload}, -4), "\x00\x00\xff\xff",
    '7.2.1, the tail is left out');

$ws->send_binary($noise);
$message = $ws->read_message();
is($message->{rsv}, 0, '7.2.1, what gets no smaller is not compressed');
ok($message->{payload} eq $noise, '7.2.1, and is the same');

# one context for nobody: what others sent has no part in it

my $one = open_ws('/on');
my $two = open_ws('/on');

for my $n (1 .. 20) {
    $one->send_text("secret $n " . 'x' x 400);
    $two->send_text("other $n " . 'x' x 400);
}

is(join(' ', map { my ($w, $what) = @$_; scalar grep {
    answer($w) eq "1 $what $_ " . 'x' x 400 } 1 .. 20 }
    [ $one, 'secret' ], [ $two, 'other' ]), '20 20', '7.1.1, no context');

undef $ws;
undef $one;
undef $two;

$t->stop();

like($t->read_file('error.log'), qr/\[info\].*compressed message cannot be unpacked/,
    'logged');


sub frame {
    return EIRC::WebSocket->frame(mask => $mask, @_);
}


sub open_ws {
    my ($uri) = @_;

    return EIRC::WebSocket->connect($port, $uri, extensions => $pmd);
}


# the next message with its opcode, unpacked as of a peer without context

sub answer {
    my ($w) = @_;
    my $m = $w->read_message();

    return 'nothing' . $w->problem() if !$m;

    my $text = $m->{rsv} ? EIRC::Deflate->new()->unpack($m->{payload})
        : $m->{payload};

    return "$m->{opcode} " . (defined $text ? $text : 'bad data');
}


sub close_code {
    my ($w) = @_;
    my @frames;

    while (my $f = $w->read_frame()) {
        push @frames, $f if $f->{opcode} == 8;
    }

    return @frames == 1 && $w->closed() ? unpack('n', $frames[0]{payload})
        : 'no close';
}
