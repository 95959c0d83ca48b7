#!/usr/bin/perl

# Tests for the closing handshake (RFC 6455, 5.5.1 and 7), and for the ends
# that have none.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use Socket qw/ SOL_SOCKET SO_LINGER /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my @legal = (1000 .. 1003, 1007 .. 1014, 3000, 3999, 4000, 4999);
my @illegal = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000,
    65535);

my $t = Test::Nginx->new()->has(qw/http/)->plan(@legal + @illegal + 19);

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

        location / {
            eirc_echo on;
        }
    }
}

EOC

$t->run();

my $port = port(8080);
my ($ws, @close);

# their code comes back, and the server closes the connection

for my $code (@legal) {
    $ws = EIRC::WebSocket->connect($port, '/');
    $ws->close($code, 'reason');
    is(join(' ', $ws->wait_close()), "$code  1", "code $code");
}

for my $code (@illegal) {
    $ws = EIRC::WebSocket->connect($port, '/');
    $ws->close($code);
    is(($ws->wait_close())[0], 1002, "illegal code $code");
}

$ws = EIRC::WebSocket->connect($port, '/none');
$ws->close();
is(join(' ', $ws->wait_close()), '1005  1', 'no code');

$ws = EIRC::WebSocket->connect($port, '/longest');
$ws->close(4999, 'r' x 123);
is(join(' ', $ws->wait_close()), '4999  1', 'longest reason');

$ws = EIRC::WebSocket->connect($port, '/half');
$ws->send_frame(opcode => 8, payload => "\x03");
is(($ws->wait_close())[0], 1002, 'half a code');

$ws = EIRC::WebSocket->connect($port, '/reason');
$ws->close(1000, "\xc3\x28");
is(($ws->wait_close())[0], 1007, 'reason that is no UTF-8');

# nothing counts behind a close frame

$ws = EIRC::WebSocket->connect($port, '/behind');
$ws->send_raw(join('', $ws->frame(payload => 'before'),
    $ws->frame(opcode => 8, payload => "\x0f\xa0"),
    $ws->frame(opcode => 9), $ws->frame(payload => 'after'),
    $ws->frame(opcode => 3), $ws->frame(opcode => 8)));
$ws->{close_sent} = 1;
is(join(' ', ($ws->wait_close())[0], $ws->messages()), '4000 before',
    'behind a close frame');
is(join(' ', $ws->pongs(), $ws->pending()), '0', 'no pong');

# within a message that isn't complete

$ws = EIRC::WebSocket->connect($port, '/within');
$ws->send_frame(payload => 'part', fin => 0);
$ws->close(1000);
is(($ws->wait_close())[0], 1000, 'within a message');
is(join(' ', $ws->messages()), '', 'part of a message is no message');

# the close frame isn't lost, though much is on its way to the server

$ws = EIRC::WebSocket->connect($port, '/much');
$ws->send_raw($ws->frame(opcode => 3) . 'x' x 3000000);
is(($ws->wait_close())[0], 1002, 'close frame despite unread bytes');

# ends without a close frame

$ws = EIRC::WebSocket->connect($port, '/fin');
$ws->disconnect();

$ws = EIRC::WebSocket->connect($port, '/shutdown');
shutdown $ws->socket(), 1;
@close = $ws->wait_close();
is(join(' ', @close), '1006  1', 'end of file');

$ws = EIRC::WebSocket->connect($port, '/rst');
setsockopt $ws->socket(), SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
$ws->disconnect();

$ws = EIRC::WebSocket->connect($port, '/part');
$ws->send_raw(substr($ws->frame(payload => 'x' x 1000), 0, 500));
$ws->disconnect();

# a last one, whose end says that the others were seen

$ws = EIRC::WebSocket->connect($port, '/last');
$ws->send_text('x');
ok($ws->read_message(), 'others');
$ws->close(1000);
$ws->wait_close();

undef $ws;

$t->stop();

my $log = $t->read_file('code.log');

is(join(' ', sort { $a <=> $b } $log =~ m!^/ (\d+)$!mg),
    join(' ', sort { $a <=> $b } @legal, (1002) x @illegal),
    'codes in the log');

for my $line ('/none 1005', '/longest 4999', '/reason 1007', '/fin 1006',
    '/shutdown 1006', '/rst 1006', '/part 1006')
{
    like($log, qr/^\Q$line\E$/m, $line);
}
