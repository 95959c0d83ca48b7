#!/usr/bin/perl

# Tests for eirc_token_issue.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Layer;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http realip access unix/)->plan(60);

$t->write_file_expand('nginx.conf', <<'EOF');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        set_real_ip_from 127.0.0.1;

        location /chat {
            eirc_pass irc://127.0.0.1:8082;
        }

        location /token {
            eirc_token_issue on;
        }

        location /any {
            eirc_token_issue any;
            allow 10.0.0.0/8;
            deny all;
        }

        location /off {
            eirc_token_issue off;
        }
    }
}

EOF

my $layer = EIRC::Layer->start($t->testdir() . '/run');

$t->run();

###############################################################################

my $r = issue('{"nick":"alice","sasl_secret":"s3cret","x":[1,{"y":null}]}');

like($r, qr!^HTTP/1.1 201 !, 'created');
like($r, qr!^Content-Type: application/json\r$!m, 'type');
like($r, qr!^Cache-Control: no-store\r$!m, 'not to be kept');
like($r, qr!\r\n\r\n\{"token":"[0-9a-f]{64}","expires":180\}\n$!, 'answer');

my $token = token($r);

isnt(token(issue('{"nick":"alice"}')), $token, 'every token is another');

my $ws = chat($token);

ok($ws->ok(), 'token admits');
like($layer->expect('USER')->{body},
    qr/"user":\{"nick":"alice","sasl_secret":"s3cret","x":\[1,\{"y":null\}\]/,
    'object arrives as it was given');

$ws = chat($token);

is($ws->status(), 401, 'token was used');
is($ws->body(), qq({"error":"Unauthorized Token"}\n), 'token was used, body');

is(chat('f' x 64)->status(), 401, 'unknown token');
is(chat('')->status(), 400, 'empty token');
is(chat('..')->status(), 400, 'no token at all');
is(chat('x' x 4097)->status(), 400, 'token too long');
is(chat('a%00b')->status(), 400, 'token with a control character');

$ws = EIRC::WebSocket->connect(port(8080), '/chat');

is($ws->status(), 400, 'missing token');
is($ws->body(), qq({"error":"Missing Token"}\n), 'missing token, body');
is($ws->header('Content-Type'), 'application/json', 'missing token, type');

# what is no user object

my @wrong = (
    '' => 'it is empty',
    '{' => 'it is not valid JSON',
    '{"nick":"a"} x' => 'it is not valid JSON',
    "{\"nick\":\"a\xff\"}" => 'it is not valid JSON',
    '{"nick":"a\u0000"}' => 'it is not valid JSON',
    '["nick"]' => 'it is no JSON object',
    '{}' => '\"nick\" is missing',
    '{"nick":"Client"}' => '\"nick\" is reserved',
    '{"nick":"' . 'n' x 65 . '"}' => '\"nick\" is not a valid nick',
    '{"nick":"a","username":"a b"}'
        => '\"username\" is not a valid user name',
    '{"nick":"a","sasl_secret":"a\nb"}'
        => '\"sasl_secret\" is no string of one line of at most 1,023 bytes',
    '{"nick":"a","sasl_secret":"' . 's' x 1024 . '"}'
        => '\"sasl_secret\" is no string of one line of at most 1,023 bytes',
    map { ( qq({"nick":"a","channels":$_}) =>
        '\"channels\" is neither a string nor an array of strings that are '
        . 'channel names' ) } ('7', '["a",7]', '["a","b\r\nQUIT"]', '["a b"]',
        '["a,b"]', '"a,b c"', '"#' . 'x' x 200 . '"'),
);

while (my ($body, $why) = splice @wrong, 0, 2) {
    like(issue($body), qr!^HTTP/1.1 400 .*\r\n\r\n\Q{"error":"$why"}\E\n$!s,
        "refused: $why");
}

# what is one, though it looks strange

for my $channels ('null', '[]', '[""]', '""', '"a,#b,, c "', '["&a","b"]') {
    like(issue(qq({"nick":"a","channels":$channels})), qr!^HTTP/1.1 201 !,
        "channels: $channels");
}

like(issue('{"nick":"a","account":"","username":"","realname":null}'),
    qr!^HTTP/1.1 201 !, 'empty members');

# large ones, and in pieces

my $filler = 'x' x 62000;

$r = issue(qq({"nick":"bob","bio":"$filler"}));

like($r, qr!^HTTP/1.1 201 !, 'large object');
ok(chat(token($r))->ok(), 'large object admits');
like($layer->expect('USER')->{body}, qr/"bio":"x{62000}"/,
    'large object is whole');

like(issue(qq({"nick":"bob","bio":"$filler$filler"})), qr!^HTTP/1.1 413 !,
    'too large');
like(issue('{"nick":"bob","bio":"' . 'x' x 63000 . '"}'),
    qr!^HTTP/1.1 400 .*larger than 61k!s, 'too large for an object');
like(issue('{"nick":"a","sasl_secret":"' . 's' x 1023 . '"}'),
    qr!^HTTP/1.1 201 !, 'the longest secret');
like(http("POST /token HTTP/1.1\nHost: a\nConnection: close\n"
    . "Content-Type: application/json\nTransfer-Encoding: chunked\n\n"
    . "7\r\n{\"nick\"\r\n8\r\n:\"carol\"\r\n1\r\n}\r\n0\r\n\r\n"),
    qr!^HTTP/1.1 201 !, 'chunked');

unlike($t->read_file('error.log'), qr/buffered to a temporary file/,
    'objects stay in memory');

# who may, and how

$r = http_get('/token');

like($r, qr!^HTTP/1.1 405 !, 'GET is not allowed');
like($r, qr!^Allow: POST\r$!m, 'POST is');
like(issue('{"nick":"a"}', type => 'text/plain'), qr!^HTTP/1.1 415 !,
    'another type');
like(issue('{"nick":"a"}', type => 'application/json; charset=utf-8'),
    qr!^HTTP/1.1 201 !, 'type with a parameter');
like(issue('{"nick":"a"}', address => '10.0.0.1'), qr!^HTTP/1.1 403 !,
    'not from another machine');
like(issue('{"nick":"a"}', address => '10.0.0.1', uri => '/any'),
    qr!^HTTP/1.1 201 !, 'unless the location says so');
like(issue('{"nick":"a"}', address => '11.0.0.1', uri => '/any'),
    qr!^HTTP/1.1 403 !, 'for whom it says so');
like(issue('{"nick":"a"}', uri => '/off'), qr!^HTTP/1.1 40[45] !, 'off');

unlike($t->read_file('error.log'), qr/s3cret/, 'no secret in the log');

$layer->stop();

###############################################################################

sub issue {
    my ($body, %opt) = @_;

    return http("POST " . ($opt{uri} || '/token') . " HTTP/1.1\n"
        . "Host: localhost\nConnection: close\n"
        . "X-Real-IP: " . ($opt{address} || '127.0.0.1') . "\n"
        . "Content-Type: " . ($opt{type} || 'application/json') . "\n"
        . "Content-Length: " . length($body) . "\n\n$body");
}


sub token {
    my ($reply) = @_;

    return $reply =~ /"token":"(\w+)"/ ? $1 : '';
}


sub chat {
    my ($token) = @_;

    return EIRC::WebSocket->connect(port(8080), "/chat?chat_token=$token");
}
