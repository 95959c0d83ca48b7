#!/usr/bin/perl

# Tests for sessions that go on while parts of nginx, or the socket layer, do
# not: a reload, a worker that is killed, another worker, a watch connection
# that ends.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Layer;
use EIRC::Processes;
use EIRC::WebSocket;
use Socket qw/ SOL_SOCKET SO_LINGER /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# nginx calls it an alert when a worker is killed, and is right

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->todo_alerts()
    ->plan(32);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_processes 2;
worker_shutdown_timeout 2s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format names "$pid $eirc_session $eirc_close_code";

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            access_log %%TESTDIR%%/names.log names;
            eirc_auth_request /auth;
            eirc_pass irc://127.0.0.1:8090;
            eirc_rate 2r/s burst=2;
        }

        location /slow {
            eirc_auth_request /auth;
            eirc_pass irc://127.0.0.1:8090;
            eirc_rate 1r/m burst=2;
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
my ($ws, $key, $next, $worker, $other, $token, %stopped);

$t->run();

ok($layer->expect('WATCH'), 'a worker watches') for 1 .. 2;

# a reload: the browser is told to come back, the process that it may

($ws, $key) = begin();
$layer->lines(0, 'one');
is($ws->read_message()->{payload}, 'one', 'a session');
$ws->send_text('zero');
$layer->expect('MESSAGE');

reload($t);
is(($ws->wait_close(8))[0], 1012, 'reload: close code');
ok($layer->expect('DETACH'), 'the process is told');
is($layer->count('END'), 0, 'that nobody said goodbye');
$ws->disconnect();

$layer->set(resume => { messages => 1 });
($ws, $next) = back("0-1.$key.1");
is($layer->expect('RESUME')->{count}, 1, 'back with what it has');
ok($next, 'resumed by a new worker');
$layer->lines(1, 'two');
is($ws->read_message()->{payload}, 'two', 'lines go on');
$ws->send_text('one');
is($layer->expect('MESSAGE')->{count}, 1, 'messages go on');

# a worker that is killed

$worker = worker($t);
kill 'KILL', $worker;
is(($ws->wait_close())[0], 1006, 'killed: nobody said anything');
ok($layer->expect('EOF'), 'the link ended');
$ws->disconnect();
ok(wait_until(5, sub { 2 == grep { $_ != $worker } workers($t) }),
    'another worker');

($ws, $key) = back("0-1.$next.2");
ok($key, 'resumed');
isnt(worker($t), $worker, 'by another worker');

# a worker that does nothing: the next browser comes to the other one, and
# the session is taken over

$worker = worker($t);
kill 'STOP', $worker;
$stopped{$worker} = 1;

($ws, $next) = back("0-1.$key.2");
ok($next, 'resumed while the old connection is there');
$other = worker($t);
isnt($other, $worker, 'by the other worker');

# and back again, while that one does nothing

kill 'STOP', $other;
$stopped{$other} = 1;
kill 'CONT', $worker;
delete $stopped{$worker};
($ws, $key) = back("0-1.$next.2");
ok($key, 'resumed by the first');
is(worker($t), $worker, 'again');
kill 'CONT', $other;
%stopped = ();

# the layer's watch connections end, links do not

$layer->forget()->hang_up_watches();
ok($layer->expect('WATCH'), 'a worker watches again') for 1 .. 2;
$layer->lines(2, 'still there');
is($ws->read_message()->{payload}, 'still there', 'lines without a watch');
$ws->send_text('still here');
is($layer->expect('MESSAGE')->{body}, 'still here', 'and messages');

# what waits for its rate when the connection is lost is not sent

my $messages = $layer->forget()->count('MESSAGE');

($ws, $key) = begin('/slow');
$ws->send_text("number $_") for 1 .. 4;
$layer->expect('MESSAGE') for 1 .. 2;
setsockopt $ws->socket(), SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
$ws->disconnect();
ok($layer->expect('DETACH'), 'lost while messages wait');
is($layer->count('MESSAGE') - $messages, 2, 'they are not sent');

# but before a close of the browser's it is

$layer->set(resume => {})->forget();
($ws) = begin();
$ws->send_text("number $_") for 1 .. 3;
$ws->close(1000);
is($layer->expect('MESSAGE')->{body}, "number $_", "sent before a close: $_")
    for 1 .. 3;
is($layer->expect('END')->{value}, $EIRC::Layer::REASONS{CLOSED},
    'and then the end');
$ws->wait_close();
$ws->disconnect();

# who only leaves the page may come back, if anybody can

($ws) = begin();
$ws->close(1001);
ok($layer->expect('DETACH'), 'going away: it may come back');
$ws->wait_close();
$ws->disconnect();

$token++;
$ws = EIRC::WebSocket->connect(port(8080), "/chat?chat_token=t$token");
$ws->close(1001);
is($layer->expect('END')->{value}, $EIRC::Layer::REASONS{CLOSED},
    'going away: and cannot');
$ws->wait_close();
$ws->disconnect();

$t->stop();
unlike($t->read_file('names.log'), qr/ - /, 'every session had a name');


# whatever happens

END {
    kill 'CONT', keys %stopped;
}


sub begin {
    my ($uri) = @_;

    $uri = '/chat' if !defined $uri;
    $token++;

    my $ws = EIRC::WebSocket->connect(port(8080),
        "$uri?chat_token=t$token&resume=");

    return ($ws, (split ' ', $ws->read_message()->{payload})[3]);
}


sub back {
    my ($value) = @_;
    my $ws = EIRC::WebSocket->connect(port(8080), "/chat?resume=$value");
    my $hello = $ws->read_message()->{payload};

    return ($ws, $hello =~ /^:client resumed \d+ (\S+)/ ? $1 : undef);
}


# the worker that has the last session

sub worker {
    my ($t) = @_;
    my $last;

    wait_until(5, sub {
        my @found = $t->read_file('error.log')
            =~ /\[info\] (\d+)#\d+: \*\d+ session \S+ (?:began|resumed)/g;
        our $seen;
        $last = $found[-1];
        return @found > ($seen || 0) && ($seen = @found);
    });

    return $last;
}


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
