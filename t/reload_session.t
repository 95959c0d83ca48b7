#!/usr/bin/perl

# Tests for a reload and the end of nginx while sessions are open: browsers
# are told to come back, processes that their browser has left, and workers
# end in time and leave no socket open.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx qw/ :DEFAULT http_end /;
use EIRC::Chat;
use EIRC::Layer;
use EIRC::Processes;
use EIRC::WebSocket;
use IO::Select;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(35);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_auth_request /auth;
            eirc_pass irc://127.0.0.1:8090;
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
my $layer = EIRC::Layer->start($dir);

$t->run();
ok($layer->expect('WATCH'), 'a watch connection');

# three browsers and a reload

my @ws = map { chat() } 1 .. 3;
my ($worker) = workers($t);

$layer->record('LINES', 1, 0, EIRC::Layer::entry('before'));
is($ws[2]->read_message()->{payload}, 'before', 'a session');

my $start = time();

reload($t);
ok($layer->expect('WATCH'), 'the new worker watches');

is(join(' ', map { ($_->wait_close(8))[0] } @ws), '1012 1012 1012',
    'close codes');
cmp_ok(time() - $start, '<', 6, 'within a few seconds');

ok($layer->expect('DETACH'), 'a process is told') for 1 .. 3;
is($layer->count('END'), 0, 'that nobody said goodbye');

$_->disconnect() for @ws;

ok(wait_for_end($worker, 5), 'the old worker ends');

# the new one serves

my $ws = chat();

$ws->send_text('hello');
is($layer->expect('MESSAGE')->{body}, 'hello', 'a session afterwards');

# a browser that does not answer the goodbye holds a worker for seconds only

($worker) = workers($t);

reload($t);
ok(wait_for_end($worker, 12), 'a browser that says nothing');
is(($ws->wait_close())[0], 1012, 'was told as well');

# a session that is not there yet when its worker has to go

$layer->stop();
$layer = EIRC::Layer->start($dir, answer => '', resume => '');
ok($layer->expect('WATCH'), 'the watch comes back');

my $token = token();
my $s = request("chat_token=$token");

ok($layer->expect('USER'), 'a request without an answer');
($worker) = workers($t);
reload($t);
ok($layer->expect('WATCH'), 'the new worker watches');
$layer->record('READY', 0, 0, '0-1');
like(http_end($s), qr/^HTTP\S+ 503 /, 'READY comes too late');
ok(wait_for_end($worker, 5), 'the old worker ends');

# one that its browser can come back to is served, and moves with all others

for my $case (
    [ 'asked for', 'chat_token=' . token() . '&resume=', 'USER', 0,
        [ 'READY', 0, 0, '0-1' ], qr/^:client session 0-1 / ],
    [ 'resumed', 'resume=0-1.' . '0' x 64 . '.5', 'RESUME', 5,
        [ 'RESUMED', 65536, 7, pack('Q<C/a*', 5, 'alice') . 'alice' ],
        qr/^:client resumed 7 / ],
) {
    my ($name, $args, $type, $count, $answer, $first) = @$case;

    $s = request($args);
    ok($layer->expect($type), "$name: a request without an answer");
    ($worker) = workers($t);
    reload($t);
    $layer->record(@$answer);
    $layer->lines($count, 'missed');

    $ws = EIRC::WebSocket->connect(0, '', socket => $s, request => '');
    is($ws->status(), 101, "$name: served by a worker that is on its way out");
    like($ws->read_message()->{payload}, $first, "$name: first message");
    is($ws->read_message()->{payload}, 'missed', "$name: lines");
    is(($ws->wait_close(8))[0], 1012, "$name: close code");
    ok($layer->expect('DETACH'), "$name: the process is told");
    $ws->disconnect();
    ok(wait_for_end($worker, 5), "$name: the old worker ends");
}

# the same token serves for the next try

$layer->stop();
$layer = EIRC::Layer->start($dir);
$layer->expect('WATCH');

$ws = EIRC::WebSocket->connect(port(8080), "/chat?chat_token=$token");
ok($ws->ok(), 'its token is still good');

# nginx ends with a session open

$start = time();
$t->stop();
cmp_ok(time() - $start, '<', 12, 'nginx ends in time');
is(($ws->wait_close())[0], 1012, 'and says so');


sub request {
    my ($args) = @_;

    return http(<<EOR, start => 1);
GET /chat?$args HTTP/1.1
Host: localhost
Connection: upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

EOR
}


# until the old worker knows of it

sub reload {
    my ($t) = @_;
    my @old = workers($t);

    $t->reload();
    wait_until(5, sub {
        return !grep { title($_) =~ /worker process$/ } @old;
    });

    return;
}


sub workers {
    my ($t) = @_;
    my ($master) = $t->read_file('nginx.pid') =~ /(\d+)/;
    return grep { title($_) =~ /worker process$/ } children($master);
}
