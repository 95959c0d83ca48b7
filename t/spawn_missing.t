#!/usr/bin/perl

# Tests for an irc-client that is not there, or is no irc-client: a clear
# answer, a line in the log, and a token that can be used again.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Processes;
use EIRC::WebSocket;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(13);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_processes 2;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   %%TESTDIR%%/irc-client processes=2;
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
            proxy_pass http://127.0.0.1:8081;
        }

        location /plain {
            return 200 'plain';
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        access_log %%TESTDIR%%/asked.log;

        location / {
            default_type application/json;
            return 200 '{"nick":"alice"}';
        }
    }
}

EOC

my $dir = $t->testdir();

$t->run();

# not there

my $start = time();
my $ws = chat();

is($ws->status(), 503, 'status');
cmp_ok(time() - $start, '<', 2, 'at once');
like($t->read_file('error.log'),
    qr/\[error\].*irc-client "\S+" cannot be started \(2: No such file/,
    'a line in the log');
like(http_get('/plain'), qr/plain/, 'nginx is well');
like($t->read_file('error.log'), qr/\[warn\].*irc-client cannot be started/,
    'a warning at the start');

is($t->read_file('asked.log'), '', 'nobody was asked about the token');

# requests do not make the log, or the processes, more

is(chat()->status(), 503, 'again') for 1 .. 2;

my @lines = $t->read_file('error.log') =~ /cannot be started/g;
my $seconds = time() - $start;

cmp_ok(scalar @lines, '<=', 2 * (int($seconds) + 2),
    'one line a second from each worker');

# there, but no program

mkdir "$dir/irc-client";
is(chat()->status(), 503, 'a directory');
rmdir "$dir/irc-client";

$t->write_file('irc-client', 'nonsense');
chmod 0755, "$dir/irc-client";
is(chat(12)->status(), 503, 'no program');

# there at last

unlink "$dir/irc-client";
symlink irc_client(), "$dir/irc-client";

ok(wait_until(8, sub { -S "$dir/run/sockets.0" && -S "$dir/run/sockets.1" }),
    'both layers');
$t->stop();
is(wait_for(0, 10, "$dir/run"), 0, 'no process left behind');


sub chat {
    my ($timeout) = @_;

    return EIRC::WebSocket->connect(port(8080), '/chat?chat_token=abc',
        timeout => $timeout || 5);
}
