#!/usr/bin/perl

# Tests for the test library itself: substitutions, ports, features, HTTP.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx qw/ :DEFAULT http_content /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http proxy rewrite unix/)->plan(14);

$t->write_file_expand('nginx.conf', <<'EOF');

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location / {
        }

        location /return {
            return 200 "$request_method $host";
        }

        location /proxy {
            proxy_pass http://127.0.0.1:8081;
        }

        location /unix {
            proxy_pass http://unix:%%TESTDIR%%/unix.sock:/return;
        }
    }

    server {
        listen       unix:%%TESTDIR%%/unix.sock;
        server_name  localhost;

        location /return {
            return 200 "unix";
        }
    }
}

EOF

$t->write_file_expand('text', '127.0.0.1:8080 %%PORT_8080%% %%TESTDIR%%');
$t->write_file('binary', "\x00\xff\x0d\x0a");
$t->run_daemon(\&backend, port(8081));
$t->run()->waitforsocket('127.0.0.1:' . port(8081));

is($t->read_file('text'), '127.0.0.1:' . port(8080) . ' ' . port(8080) . ' '
    . $t->testdir(), 'substitutions');
is($t->read_file('binary'), "\x00\xff\x0d\x0a", 'binary file');
is(port(8080), port(8080), 'port is remembered');
isnt(port(8080), port(8082), 'ports differ');

like(http_get('/binary'), qr/ 200 OK.*\x0d\x0a\x0d\x0a\x00\xff\x0d\x0a\z/s,
    'static file');
like(http_get('/return'), qr/GET localhost$/, 'get');
unlike(http_head('/return'), qr/HEAD localhost/, 'head');

is(http_content(http_get('/unix')), 'unix', 'unix socket');
is(http_content(join("\x0d\x0a", 'HTTP/1.1 200 OK',
    'Transfer-Encoding: chunked', '', 3, 'one', 3, 'two', 0, '', '')),
    'onetwo', 'chunked');

like(http_get('/proxy'), qr/backend$/, 'daemon');

my $s = http("GET /return HTTP/1.1\nHost: localhost\n", start => 1);
like(http("Connection: close\n\n", socket => $s), qr/GET localhost$/,
    'request in two parts');

ok(!$t->has_module('no_such_module'), 'unknown module');
ok($t->has_version('1.22.0'), 'version at least');
ok(!$t->has_version('99.0'), 'version not reached');


sub backend {
    my ($port) = @_;

    my $server = IO::Socket::INET->new(Proto => 'tcp', Listen => 5,
        LocalAddr => "127.0.0.1:$port", ReuseAddr => 1)
        or die "Can't listen: $!\n";

    while (my $client = $server->accept()) {
        my $request = '';

        while ($request !~ /\x0d\x0a\x0d\x0a/) {
            last if !sysread($client, $request, 4096, length $request);
        }

        syswrite($client, "HTTP/1.0 200 OK\x0d\x0a\x0d\x0abackend");
        close $client;
    }
}
