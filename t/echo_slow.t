#!/usr/bin/perl

# Tests for clients that send and don't read: reading stops while output
# waits, nothing is lost, and who takes nothing for too long is gone.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use IO::Select;
use Socket qw/ SOL_SOCKET SO_RCVBUF SO_SNDBUF /;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/)->plan(13);

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
        listen       127.0.0.1:8080 sndbuf=16k rcvbuf=16k;
        server_name  localhost;

        location /slow {
            eirc_echo on;
            eirc_max_message_size 1m;
        }

        location /stuck {
            eirc_echo on;
            send_timeout 500ms;
        }

        location /ping {
            eirc_echo on;
            eirc_ping 200ms timeout=200ms;
        }
    }
}

EOC

$t->run();

my @small = (SocketOptions => [ [ SOL_SOCKET, SO_RCVBUF, 8192 ],
    [ SOL_SOCKET, SO_SNDBUF, 8192 ] ]);
my $port = port(8080);
my ($ws, $sent, $text);

# the server takes no more than its buffers hold

$ws = EIRC::WebSocket->connect($port, '/slow', @small, timeout => 10);

my $bytes = join('', map { $ws->frame(payload => sprintf('%05d', $_) . 'x' x
    (1000 + $_ % 3000)) } 1 .. 5000);

$sent = send_until_stuck($ws, \$bytes);

cmp_ok($sent, '>', 10000, 'server reads');
cmp_ok($sent, '<', 8000000, 'server stops reading');

my $lost = 0;

for my $n (1 .. 5000) {
    push_some($ws, \$bytes);
    my $message = $ws->read_message();
    $lost++ if !$message || $message->{payload} ne sprintf('%05d', $n)
        . 'x' x (1000 + $n % 3000);
    last if $lost;
}

is($lost, 0, 'all messages came, in order');
$ws->close(1000);
is(($ws->wait_close())[0], 1000, 'closed');

# one large message to a slow reader, pings behind it: the last is answered

$ws = EIRC::WebSocket->connect($port, '/slow', @small, timeout => 10);
$text = 'l' x 1000000;
$ws->send_raw($ws->frame(payload => $text) . join('', map {
    $ws->frame(opcode => 9, payload => "p$_") } 1 .. 3));
is($ws->read_message()->{payload}, $text, 'large message');
is($ws->read_message(2), undef, 'nothing else');
is(($ws->pongs())[-1], 'p3', 'last ping answered');
ok(!$ws->problem(), 'pongs between messages');

# close while output waits

$ws = EIRC::WebSocket->connect($port, '/slow', @small, timeout => 10);
$ws->send_raw($ws->frame(payload => $text));
$ws->close(4000);
is(join(' ', ($ws->wait_close())[0], length(($ws->messages())[0])),
    '4000 1000000', 'output goes before the close frame');

# what came before an end of file counts, though it had to wait

$ws = EIRC::WebSocket->connect($port, '/slow', @small, timeout => 10);
$ws->send_raw($ws->frame(payload => $text) . join('', map {
    $ws->frame(payload => "$_") } 1 .. 20));
shutdown $ws->socket(), 1;
$ws->wait_close();
is(join(' ', map { length > 2 ? 'large' : $_ } $ws->messages()),
    join(' ', 'large', 1 .. 20), 'messages before an end of file');

# who takes nothing is gone after a time

$ws = EIRC::WebSocket->connect($port, '/stuck', @small);
$bytes = join('', map { $ws->frame(payload => 'x' x 10000) } 1 .. 1000);
send_until_stuck($ws, \$bytes);
ok(logged($t, qr!^/stuck 1006$!m), 'taking nothing for too long');
$ws->disconnect();

# a ping that can't be sent, and a pong that isn't read, end nothing

$ws = EIRC::WebSocket->connect($port, '/ping', @small, pong => 0);
$bytes = join('', map { $ws->frame(payload => 'x' x 10000) } 1 .. 500);
send_until_stuck($ws, \$bytes);

# the pings meanwhile are what is tested: time has to pass

select(undef, undef, undef, 1);
is(length $ws->read_message()->{payload}, 10000, 'slow, but there');
$ws->disconnect();

undef $ws;

ok(logged($t, qr!^/ping 1006$!m), 'and then not');


sub send_until_stuck {
    my ($w, $ref) = @_;
    my $select = IO::Select->new($w->socket());
    my $n = 0;

    while (length $$ref && $select->can_write(0.7)) {
        my $part = syswrite($w->socket(), $$ref, 65536);
        last if !defined $part;
        substr($$ref, 0, $part, '');
        $n += $part;
    }

    return $n;
}


sub push_some {
    my ($w, $ref) = @_;

    while (length $$ref && IO::Select->new($w->socket())->can_write(0)) {
        my $part = syswrite($w->socket(), $$ref, 65536);
        last if !defined $part;
        substr($$ref, 0, $part, '');
    }

    return;
}


sub logged {
    my ($t, $re) = @_;
    my $end = time() + 5;

    while (time() < $end) {
        return 1 if $t->read_file('code.log') =~ $re;
        select(undef, undef, undef, 0.05);
    }

    return 0;
}
