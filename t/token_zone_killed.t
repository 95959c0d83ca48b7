#!/usr/bin/perl

# Tests for a token whose nginx worker died while it was claimed: refused
# until it expires, then free.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::App;
use EIRC::Layer;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# nginx calls it an alert when a worker is killed, and is right

my $t = Test::Nginx->new()->has(qw/http proxy unix/)->todo_alerts()->plan(4);

$t->write_file_expand('nginx.conf', <<'EOF');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;
    eirc_token_zone tokens:1m timeout=3s;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /pull {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /_auth;
        }

        location = /_auth {
            internal;
            proxy_pass http://127.0.0.1:8081/api/auth/user/$eirc_token;
        }
    }
}

EOF

$t->run_daemon(\&EIRC::App::run, port(8081), $t->testdir() . '/asked');
$t->waitforsocket('127.0.0.1:' . port(8081));

my $layer = EIRC::Layer->start($t->testdir() . '/run');

$t->run();

###############################################################################

my $master = $t->read_file('nginx.pid');
chomp $master;

wait_until(5, sub { children($master) });

my ($worker) = children($master);
my $s = http("GET /pull?chat_token=wait-killed HTTP/1.1\n"
    . "Host: localhost\nUpgrade: websocket\nConnection: Upgrade\n"
    . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
    . "Sec-WebSocket-Version: 13\n\n", start => 1);

ok(wait_until(5, sub {
    -e $t->testdir() . '/asked' && $t->read_file('asked') =~ /wait-killed/
}), 'application is asked');

kill 'KILL', $worker;
wait_for_end($worker, 5);

is(status(), 401, 'claim of a killed worker');

# until when it is refused is what is waited for

ok(wait_until(10, sub { status() == 101 }), 'free when it has expired');
is(status(), 401, 'and used then');

close $s;
$layer->stop();

###############################################################################

sub status {
    my $ws = EIRC::WebSocket->connect(port(8080),
        '/pull?chat_token=wait-killed');

    return $ws ? $ws->status() : 0;
}
