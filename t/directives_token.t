#!/usr/bin/perl

# Tests for eirc_token and $eirc_token: where a token comes from, and that it
# never leaves its segment of a path.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http proxy rewrite auth_request/);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    large_client_header_buffers 4 32k;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /default {
            return 200 "[$eirc_token]";
        }

        location /cookie {
            eirc_token $cookie_token;
            return 200 "[$eirc_token]";
        }

        location /joined {
            eirc_token $arg_a-$arg_b;

            location /joined/inside {
                return 200 "[$eirc_token]";
            }
        }

        location /none {
            return 200 "[$eirc_session$eirc_nick$eirc_account$eirc_close_code$eirc_lines_in$eirc_lines_out]";
        }

        # in a subrequest it is still the token of the request

        location /asked.txt {
            auth_request /_auth?chat_token=other;
            auth_request_set $asked $upstream_http_x_uri;
            add_header X-Asked $asked;
        }

        location /_auth {
            internal;
            proxy_pass http://127.0.0.1:8081/api/auth/user/$eirc_token;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        location / {
            add_header X-URI $request_uri always;
            return 204;
        }
    }
}

EOC

my $unreserved = join('', 'a' .. 'z', 'A' .. 'Z', 0 .. 9, '-._~');

# query, token

my @cases = (
    ['chat_token=abc', 'abc'],
    ['a=1&chat_token=abc&b=2', 'abc'],
    ["chat_token=$unreserved", $unreserved],
    ['chat_token=a/b', 'a%2Fb'],
    ['chat_token=a%2fb', 'a%2Fb'],
    ['chat_token=a%2Bb%3D%3D', 'a%2Bb%3D%3D'],
    ['chat_token=a+b', 'a%2Bb'],
    ['chat_token=a?b', 'a%3Fb'],
    ['chat_token=a%3fb%23c%26d', 'a%3Fb%23c%26d'],
    ['chat_token=%61bc', 'abc'],
    ['chat_token=a%25b', 'a%25b'],
    ['chat_token=a%252Fb', 'a%252Fb'],
    ['chat_token=%c3%a4', '%C3%A4'],
    ['chat_token=a%20b', 'a%20b'],
    ['chat_token=a..b', 'a..b'],
    ['chat_token=..a', '..a'],
    ['chat_token=...', '...'],
    ['chat_token=' . 'x' x 4096, 'x' x 4096],

    ['', ''],
    ['chat_token', ''],
    ['chat_token=', ''],
    ['chat_token=' . 'x' x 4097, ''],
    ['chat_token=.', ''],
    ['chat_token=..', ''],
    ['chat_token=%2e%2E', ''],
    ['chat_token=../admin', ''],
    ['chat_token=a/../../admin', ''],
    ['chat_token=a%2f..%2f..%2fadmin', ''],
    ['chat_token=a/..', ''],
    ['chat_token=a/./b', ''],
    ['chat_token=..%5cadmin', ''],
    ['chat_token=a%00b', ''],
    ['chat_token=a%0d%0ab', ''],
    ['chat_token=a%7fb', ''],
);

$t->write_file('asked.txt', 'in');
$t->plan(@cases + 9);
$t->run();

for my $case (@cases) {
    my ($args, $token) = @$case;

    like(http_get("/default?$args"), qr/^\[\Q$token\E\]/m,
        substr($args, 0, 60));
}

like(http("GET /cookie HTTP/1.0\nHost: localhost\nCookie: token=a%2fb\n\n"),
    qr/^\[a%252fb\]/m, 'from a cookie, as it is');
like(http_get('/cookie?chat_token=abc'), qr/^\[\]/m, 'and not from the query');
like(http_get('/joined/inside?a=x&b=y'), qr/^\[x-y\]/m, 'of two variables');

like(http_get('/asked.txt?chat_token=abc'),
    qr!^X-Asked: /api/auth/user/abc\x0d!m, 'in a subrequest');
like(http_get('/asked.txt?chat_token=a%2fb%3fc%23d'),
    qr!^X-Asked: /api/auth/user/a%2Fb%3Fc%23d\x0d!m, 'within its segment');
like(http_get('/asked.txt?chat_token=a%2f%2e%2e%2fb'),
    qr!^X-Asked: /api/auth/user/\x0d!m, 'not above it');
like(http_get('/asked.txt?chat_token=a%20HTTP/1.1%20b'),
    qr!^X-Asked: /api/auth/user/a%20HTTP%2F1.1%20b\x0d!m, 'no new request');
like(http_get('/asked.txt'), qr!^X-Asked: /api/auth/user/\x0d!m, 'no token');

like(http_get('/none'), qr/^\[\]/m, 'no session, no values');
