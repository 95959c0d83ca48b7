#!/usr/bin/perl

# Tests for permessage-deflate over many messages: what each side keeps of
# the messages before, and the sizes of both windows (RFC 7692, 7.1 and 7.2).

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Deflate;
use EIRC::WebSocket;

use IO::Select;
use POSIX ();

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/)->plan(47);

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

        eirc_max_message_size 200000;

        location /on {
            eirc_echo on;
        }

        location /context {
            eirc_echo on;
            eirc_deflate context window=15 client_window=15 min_length=0;
        }
    }
}

EOC

$t->run();

my $port = port(8080);
my $pmd = 'permessage-deflate';
my ($ws, $d, $message, @bad);

# noise that repeats: only who remembers makes it smaller

my $noise = join '', map { chr int rand 256 } 1 .. 200;

# 7.1.1.1: the server's context

$ws = open_ws('/context', '');
$d = EIRC::Deflate->new();
my @sizes;

for (1 .. 3) {
    $ws->send_binary("$noise$noise");
    $message = $ws->read_message();
    push @sizes, length $message->{payload};
    is($d->unpack($message->{payload}), "$noise$noise",
        "7.1.1.1, message $_");
}

cmp_ok($sizes[0], '>', 200, '7.1.1.1, first message');
cmp_ok($sizes[2], '<', 30, '7.1.1.1, refers to the ones before');

$ws = open_ws('/context', '; server_no_context_takeover');
@sizes = ();

for (1 .. 3) {
    $ws->send_binary("$noise$noise");
    $message = $ws->read_message();
    push @sizes, length $message->{payload};
    push @bad, $_ if EIRC::Deflate->new()->unpack($message->{payload})
        ne "$noise$noise";
}

is("@bad", '', '7.1.1.1, server_no_context_takeover');
is($sizes[0], $sizes[2], '7.1.1.1, refers to nothing before');

# 7.2.3.2: the context is what was compressed, whatever went in between

$ws = open_ws('/context', '');
$d = EIRC::Deflate->new();
@bad = ();

for my $n (1 .. 50) {
    my $text = join ' ', map { $_ % ($n + 3) } 1 .. $n * 20;

    if ($n % 3 == 0) {
        $ws->send_text($text);

    } else {
        $ws->send_frame(payload => $d->pack($text), rsv => 4);
    }

    # what can't get smaller: the server begins anew

    $ws->send_binary(join '', map { chr int rand 256 } 1 .. 300)
        if $n % 7 == 0;

    $ws->ping($n);

    my $m = $ws->read_message();
    push @bad, $n if $d->unpack($m->{payload}) ne $text || $m->{rsv} != 4;

    if ($n % 7 == 0) {
        $m = $ws->read_message();
        push @bad, "noise $n" if $m->{rsv} || length $m->{payload} != 300;
    }
}

is("@bad", '', '7.2.3.2, both contexts over many kinds of messages');

# 7.1.1.2: the client's context

$ws = open_ws('/context', '');
$d = EIRC::Deflate->new();
@bad = ();

for my $n (1 .. 5) {
    my $payload = $d->pack("$noise $n");

    push @bad, $n if $n > 1 && length $payload > 40;
    $ws->send_frame(opcode => 2, payload => $payload, rsv => 4);
    push @bad, "answer $n" if answer($ws, $d) ne "$noise $n";
}

is("@bad", '', '7.1.1.2, refers to the messages before');

# final blocks and messages of other blocks in one context

$ws->send_frame(payload => $d->final('final'), rsv => 4);
is(answer($ws, $d), 'final', '7.2.3.4, a final block among others');
$ws->send_frame(opcode => 2, payload => EIRC::Deflate->new()->pack('anew'),
    rsv => 4);
is(answer($ws, $d), 'anew', '7.2.3.4, a stream that begins anew');
$ws->send_frame(opcode => 2, payload => "\0", rsv => 4);
is(answer($ws, $d), '', '7.2.3.6, an empty message');
$ws->send_frame(opcode => 2, payload => '', rsv => 4);
is(answer($ws, $d), '', '7.2.3.6, an empty message without a byte');

$ws = open_ws('/context', '; client_no_context_takeover');
$d = EIRC::Deflate->new();
$ws->send_frame(opcode => 2, payload => $d->pack($noise), rsv => 4);
is(answer($ws, EIRC::Deflate->new()), $noise, '7.1.1.2, the first message');
$ws->send_frame(opcode => 2, payload => $d->pack($noise), rsv => 4);
is(($ws->wait_close())[0], 1007,
    '7.1.1.2, client_no_context_takeover and a context all the same');

$ws = open_ws('/on', '');
$d = EIRC::Deflate->new();
$ws->send_frame(opcode => 2, payload => $d->pack($noise), rsv => 4);
$ws->read_message();
$ws->send_frame(opcode => 2, payload => $d->pack($noise), rsv => 4);
is(($ws->wait_close())[0], 1007, '7.1.1.2, the same by our answer');

# messages that nobody takes yet are unpacked in order

$ws = open_ws('/context', '');
$d = EIRC::Deflate->new();

my $long = $noise x 20;
my @texts = map { "$_ $long " . join('', map { chr int rand 256 }
    1 .. 60000) } 1 .. 12;

my $pid = fork();

die "Can't fork: $!\n" if !defined $pid;

if ($pid == 0) {
    for my $text (@texts) {
        $ws->send_frame(opcode => 2, payload => $d->pack($text), rsv => 4);
    }

    POSIX::_exit(0);
}

# both send before anybody reads: the server's output is full by then

IO::Select->new($ws->socket())->can_read(5);

my $peer = EIRC::Deflate->new();

@bad = grep { my $m = $ws->read_message(10); my $text = $texts[$_];
    my $got = !$m ? '' : $m->{rsv} ? $peer->unpack($m->{payload})
    : $m->{payload}; !defined $got || $got ne $text } 0 .. $#texts;
waitpid($pid, 0);

is("@bad", '', '7.2.2, messages that have to wait');

# 7.1.2: windows, in all sizes, both ways; zlib of the test counts

my $text = join ' ', map { $_ * 7919 % 1009 } 1 .. 3000;

for my $bits (8 .. 15) {
    $ws = open_ws('/context', "; server_max_window_bits=$bits");
    $d = EIRC::Deflate->new(peer_bits => $bits);
    @bad = ();

    for my $n (1 .. 10) {
        my $part = substr($text, $n * 300, $n * 700);

        $ws->send_text("$part$part");
        push @bad, $n if answer($ws, $d) ne "$part$part";
    }

    is("@bad", '', "7.1.2.1, server_max_window_bits=$bits");
}

for my $bits (8 .. 15) {
    $ws = open_ws('/context', "; client_max_window_bits=$bits");
    $d = EIRC::Deflate->new(bits => $bits);
    @bad = ();

    for my $n (1 .. 10) {
        my $part = substr($text, $n * 300, $n * 700);

        $ws->send_frame(payload => $d->pack("$part$part"), rsv => 4);
        push @bad, $n if answer($ws, $d) ne "$part$part";
    }

    is("@bad", '', "7.1.2.2, client_max_window_bits=$bits");
}

# the client refers further back than it may

$ws = open_ws('/context', '; client_max_window_bits=9');
$d = EIRC::Deflate->new(bits => 15);
$ws->send_frame(opcode => 2, payload => $d->pack($noise . 'x' x 2000),
    rsv => 4);
ok($ws->read_message(), '7.1.2.2, within the window');
$ws->send_frame(opcode => 2, payload => $d->pack($noise), rsv => 4);
is(($ws->wait_close())[0], 1007, '7.1.2.2, beyond the window');

# 7.1, all four parameters together, both sizes of message of a large chat

for my $offer ('; server_max_window_bits=9; client_max_window_bits=9',
    '; server_no_context_takeover; client_no_context_takeover'
    . '; server_max_window_bits=9; client_max_window_bits=9',
    '; client_max_window_bits; server_max_window_bits=15',
    '; server_no_context_takeover', '; client_no_context_takeover', '')
{
    for my $size (16, 131072) {
        $ws = open_ws('/context', $offer);
        @bad = ();

        my $bits = $offer =~ /=9/ ? 9 : 15;
        $d = EIRC::Deflate->new(bits => $bits, peer_bits => $bits);

        for my $n (1 .. 10) {
            my $part = substr("$n$text" x (1 + $size / length $text), 0,
                $size);

            $d->reset_pack() if $offer =~ /client_no_context/;
            $ws->send_frame(payload => $d->pack($part), rsv => 4);

            my $m = $ws->read_message();
            my $peer = $offer =~ /server_no_context/
                ? EIRC::Deflate->new(peer_bits => $bits) : $d;

            push @bad, $n if !$m || ($m->{rsv} ? $peer->unpack($m->{payload})
                : $m->{payload}) ne $part;
        }

        is("@bad", '', "7.1, messages of $size bytes with \"$offer\"");
    }
}

undef $ws;


sub open_ws {
    my ($uri, $params) = @_;

    return EIRC::WebSocket->connect($port, $uri, extensions => "$pmd$params");
}


sub answer {
    my ($w, $peer) = @_;
    my $m = $w->read_message();

    return 'nothing ' . $w->problem() if !$m;
    return $m->{payload} if !$m->{rsv};

    my $got = $peer->unpack($m->{payload});

    return defined $got ? $got : 'bad data';
}
