#!/usr/bin/perl

# Tests for one nginx process without a master: it starts a socket layer too.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(5);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
master_process off;
worker_processes 3;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_auth_request /auth;
            eirc_pass irc://127.0.0.1:8090;
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

$t->run();

is(EIRC::WebSocket->connect(port(8080), '/chat?chat_token=a')->status(), 101,
    'a session');

my @layers = map { title($_) =~ /(sockets \d+)$/ ? $1 : () } processes($dir);

is("@layers", 'sockets 0', 'one process, one layer');

my ($pid) = $t->read_file('nginx.pid') =~ /(\d+)/;

is(join(' ', children($pid)), '', 'it is not a child of nginx');

$t->stop();

is(wait_for(0, 10, $dir), 0, 'no process left behind');
unlike($t->read_file('error.log'), qr/exited on signal/, 'nothing to nginx');
