#!/usr/bin/perl

# Tests for those who say nothing: an IRC server that takes a connection and
# keeps silent, and a socket layer that has stopped.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::WebSocket;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(10);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;
worker_shutdown_timeout 5s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /silent {
            eirc_auth_request /auth;
            eirc_pass irc://127.0.0.1:8082;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081/;
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

my $dir = $t->testdir();
my $irc = EIRC::IRCServer->new($t, port => 8082, silent => 1);

$t->run_daemon($irc->code());
$irc->wait();
$t->run();

wait_until(5, sub { -S "$dir/run/sockets.0" });

# the IRC server

my $start = time();
my $ws = chat('a');

is($ws->status(), 101, 'a silent IRC server');
ok($irc->wait_for(qr/^NICK alice/, 5), 'is spoken to');

# the layer

my ($layer) = grep { title($_) =~ /: sockets 0$/ } processes($dir);

kill 'STOP', $layer;

my $stopped = time();
my $late = chat('b');

is($late->status(), 503, 'a layer that has stopped');
cmp_ok(time() - $stopped, '<', 8, 'is waited for for some seconds');
like($t->read_file('error.log'), qr/the socket layer says nothing/,
    'a line in the log');

kill 'CONT', $layer;

my $again = chat('b');

is($again->status(), 101, 'its token is good once it goes on');
$again->disconnect();

# half a minute for the registration

like(($ws->wait_close(40))[0], qr/^400[04]$/,
    'the IRC server is given up');
cmp_ok(time() - $start, '<', 40, 'in time');
$ws->disconnect();

is(wait_for(3, 5, $dir), 3, 'no process of a user is left');

$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');


sub chat {
    my ($token) = @_;

    return EIRC::WebSocket->connect(port(8080), "/silent?chat_token=$token",
        timeout => 15);
}
