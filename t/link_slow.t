#!/usr/bin/perl

# Tests for backpressure on the link: a browser that reads nothing, a layer
# that reads nothing, a browser that sends beyond its rate, and a layer that
# is slow to answer or not there yet.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Layer;
use EIRC::Processes;
use IO::Select;
use Socket qw/ SOL_SOCKET SO_RCVBUF SO_SNDBUF /;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(22);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;
    eirc_ping   600s;

    server {
        listen       127.0.0.1:8080 sndbuf=32k rcvbuf=32k;
        server_name  localhost;

        eirc_auth_request /auth;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
            eirc_rate 1000000r/s burst=1000000;
        }

        location /rate {
            eirc_pass irc://127.0.0.1:8090;
            eirc_rate 10r/s burst=5;
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

my $dir = $t->testdir() . '/run';
my %small = (SocketOptions => [ [ SOL_SOCKET, SO_RCVBUF, 8192 ] ]);
my ($ws, $n);

my $layer = EIRC::Layer->start($dir);

$t->run();
ok($layer->expect('WATCH'), 'a watch connection');

my ($worker) = grep { EIRC::Processes::title($_) =~ /worker process$/ }
    children($t->read_file('nginx.pid') =~ /(\d+)/);
my $idle = descriptors($worker);

# a browser that reads nothing: nginx takes no more than fits

$ws = chat('/chat', \%small);
ok($ws->ok(), 'a session');

my $memory = memory();

for $n (0 .. 4999) {
    $layer->lines($n, sprintf('%04d ', $n) . 'x' x 995);
}

# 5 MB wait in the layer, and nginx has 16 KB or so of them

$layer->record('LINES', 1, 5000, EIRC::Layer::entry('last'));

ok(!wait_until(0.5, sub { memory() > $memory + 2500 }),
    'nginx does not take it all');

my @lines = map { ($ws->read_message() || {})->{payload} } 0 .. 5000;

is(scalar(grep { !defined } @lines), 0, 'all lines arrive');
is(scalar(grep { substr($lines[$_] || '', 0, 5) ne sprintf('%04d ', $_) }
    0 .. 4999), 0, 'in order');
is($lines[5000], 'last', 'the last one too');

# one that has gone meanwhile

for $n (5001 .. 8000) {
    $layer->lines($n, 'x' x 1000);
}

$ws->disconnect();
ok($layer->expect('EOF', 5), 'a browser that goes while it is behind');

# a layer that reads nothing: nginx stops reading the browser

$ws = chat('/chat');
$layer->deaf();

my $frame = $ws->frame(payload => 'y' x 10000);
my $select = IO::Select->new($ws->socket());

$n = 0;
$memory = memory();

# sent as long as it is taken

while ($n < 2000 && $select->can_write(0.3)) {
    $ws->send_raw($frame, 0.3) or last;
    $n++;
}

cmp_ok($n, '<', 2000, 'the browser is not read any more');
cmp_ok(memory(), '<', $memory + 2500, 'nginx keeps no more than fits');

$layer->listen();

my $count = 0;

while (my $r = $layer->expect('MESSAGE', 2)) {
    last if $r->{count} != $count || length $r->{body} != 10000;
    $count++;
    last if $count >= $n;
}

is($count, $n, 'everything arrives once it reads');

$ws->disconnect();
$layer->expect('EOF');

# the rate: what is too much waits, in order

$ws = chat('/rate');

my $start = time();

$ws->send_text("line $_") for 1 .. 15;

my @got = map { ($layer->expect('MESSAGE') || {})->{body} } 1 .. 15;

is(join(' ', @got), join(' ', map { "line $_" } 1 .. 15), 'all in order');
cmp_ok(time() - $start, '>', 0.8, 'not at once');
cmp_ok(time() - $start, '<', 3, 'and no later');

# several lines of one message count each

$ws->send_text(join "\n", 1 .. 10);
$start = time();
ok($layer->expect('MESSAGE'), 'a message is not kept for its size');
$ws->send_text('x');
ok($layer->expect('MESSAGE'), 'the next one waits for its lines');
cmp_ok(time() - $start, '>', 0.7, 'time for ten lines');

# closing while something waits

$ws->send_text("line $_") for 1 .. 10;
$ws->close(1000);
is(($ws->wait_close(8))[0], 1000, 'a close behind waiting lines');
$layer->expect('EOF');

# a process that does not answer: the browser may leave

$layer->stop();
$layer = EIRC::Layer->start($dir, answer => '');
$layer->expect('WATCH');

my $s = request();
ok($layer->expect('USER'), 'a request without an answer');
close $s;
ok($layer->expect('EOF', 5), 'the browser leaves before the 101');

# no layer at first

$layer->stop();
$layer = EIRC::Layer->start($dir, hello => '');

$s = request();
ok($layer->expect('ACCEPT'), 'a layer without HELLO');
close $s;
ok($layer->expect('EOF', 5), 'the browser leaves before HELLO');

$layer->stop();

ok(wait_until(5, sub { descriptors($worker) <= $idle }),
    'no descriptor is left');


# an upgrade without waiting for its answer

sub request {
    my $token = token();

    return http(<<EOR, start => 1);
GET /chat?chat_token=$token HTTP/1.1
Host: localhost
Upgrade: websocket
Connection: upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

EOR
}


sub memory {
    return pss($worker);
}
