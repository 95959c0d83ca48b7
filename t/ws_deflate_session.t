#!/usr/bin/perl

# Tests for compression in sessions: lines that leave together, compressed
# and not, in order and in one packet; messages in both directions.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Deflate;
use EIRC::Layer;
use EIRC::WebSocket;

use Socket qw/ SOL_SOCKET SO_RCVBUF /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(28);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;
        eirc_rate         off;

        location /chat {
            eirc_pass irc://irc.example.net;
        }

        location /context {
            eirc_pass    irc://irc.example.net;
            eirc_deflate context;
        }

        location /slow {
            eirc_pass irc://irc.example.net;
            eirc_rate 1r/m burst=2;
            eirc_deflate context;
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
my $pmd = 'permessage-deflate; client_max_window_bits';
my $token = 0;

$t->run();

my $names = ':irc.example.net 353 alice = #room :'
    . join ' ', map { "\@somebody$_" } 1 .. 40;
my $noise = join '', map { chr(33 + int rand 94) } 1 .. 240;

# long and short lines, and those that gain nothing, in one record

my @kinds = (
    ['short', 'PING :irc.example.net', 0],
    ['of 125', 'x' x 125, 0],
    ['of 126', 'y' x 126, 0],
    ['of 255', 'z' x 255, 0],
    ['of 256', 'z' x 256, 4],
    ['long', $names, 4],
    ['with tags', '@' . 'tag=value;' x 400 . " $names", 4],
    ['of noise', ":n!u\@h PRIVMSG #x :$noise", undef],
    ['empty', '', 0],
);

for my $kind (@kinds) {
    my ($name, $line, $rsv) = @$kind;
    my ($ws) = chat('/chat');
    my @lines = ($line, map { $_->[1] } @kinds, reverse @kinds);

    @lines = map { ref $_ ? $_->[1] : $_ } @lines, $kind;
    $layer->lines(0, splice @lines, 0, 10);
    $layer->lines(10, @lines);

    my @want = ($line, (map { $_->[1] } @kinds),
        (map { $_->[1] } reverse @kinds), $line);
    my (@rsv, @got);

    for (@want) {
        my $m = $ws->read_message() or last;

        push @rsv, $m->{rsv};
        push @got, $m->{rsv} ? EIRC::Deflate->new()->unpack($m->{payload})
            : $m->{payload};
    }

    is(join("\n", @got), join("\n", @want), "line $name among others");
    is($rsv[0], $rsv, "line $name compressed or not") if defined $rsv;
}

# what is ready together leaves together, be it compressed or not

my ($ws, $d) = chat('/chat');

$layer->lines(0, ('PING :a', $names) x 20);
$ws->expect(qr/^PING/);
ok($ws->pending() > 1000, 'one packet');

# a context: each line refers to those before

($ws, $d) = chat('/context');
is($ws->header('Sec-WebSocket-Extensions'), 'permessage-deflate; '
    . 'server_max_window_bits=12; client_max_window_bits=12', 'context');
$d = EIRC::Deflate->new(bits => 12, peer_bits => 12);

my ($size, @bad) = (0);
my @talk = map { ":somebody$_!u\@host PRIVMSG #room :says something $_" }
    1 .. 200;

$layer->lines($_ * 20, @talk[$_ * 20 .. $_ * 20 + 19]) for 0 .. 9;

for my $line (@talk) {
    my $m = $ws->read_message() or last;

    $size += length $m->{payload};
    push @bad, $line if ($m->{rsv} ? $d->unpack($m->{payload})
        : $m->{payload}) ne $line;
}

is("@bad", '', 'lines in a context');
cmp_ok($size, '<', 0.6 * length "@talk", 'lines get smaller');

for my $n (1 .. 50) {
    $ws->send_frame(payload => $d->pack("PRIVMSG #room :hello again $n"),
        rsv => 4);
}

is($layer->expect('MESSAGE')->{body}, "PRIVMSG #room :hello again $_",
    "message $_") for 1 .. 3;
@bad = grep { $layer->expect('MESSAGE')->{body}
    ne "PRIVMSG #room :hello again $_" } 4 .. 50;
is("@bad", '', 'messages in a context');

# messages that have to wait for their time were unpacked in their order

($ws) = chat('/slow');
$d = EIRC::Deflate->new(bits => 12, peer_bits => 12);
$ws->send_frame(payload => $d->pack("PRIVMSG #room :slowly $_"), rsv => 4)
    for 1 .. 20;
is(join(' ', map { $layer->expect('MESSAGE')->{body} =~ /(\d+)$/ } 1 .. 2),
    '1 2', 'messages within the rate');
$ws->ping('still there');
$ws->close(1000);
is(($ws->wait_close(1))[0], 1006, 'the others wait, and so does the close');

# a browser that takes nothing: what waits is compressed, and in order

($ws) = chat('/context', SocketOptions => [ [ SOL_SOCKET, SO_RCVBUF, 4096 ] ]);
$d = EIRC::Deflate->new(bits => 12, peer_bits => 12);
@talk = map { join ' ', "line $_", map { int rand 1e9 } 1 .. 700 } 1 .. 300;
$layer->lines($_, $talk[$_]) for 0 .. 299;
@bad = ();

for my $line (@talk) {
    my $m = $ws->read_message() or last;
    my $got = $m->{rsv} ? $d->unpack($m->{payload}) : $m->{payload};

    push @bad, substr($line, 0, 10) if !defined $got || $got ne $line;
}

is("@bad", '', 'lines for a slow browser');

undef $ws;


# a session and the client's end of its compression, once the layer has it

sub chat {
    my ($uri, %opt) = @_;
    my $w = EIRC::WebSocket->connect(port(8080),
        "$uri?chat_token=t" . ++$token, extensions => $pmd, %opt);

    die 'no session: ' . $w->status() . "\n" if !$w->ok();

    return ($w, EIRC::Deflate->new());
}
