#!/usr/bin/perl

# Tests for eirc_auth_request: what the application is asked, and what the
# browser and the log learn of its answers.

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

my $t = Test::Nginx->new()->has(qw/http proxy rewrite unix/)->plan(84);

$t->write_file_expand('nginx.conf', <<'EOF_CONF');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;

    eirc_origin any;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /_auth;
        }

        location /pages {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /_auth;
            error_page 401 /refused;
        }

        location /cookie {
            eirc_pass irc://127.0.0.1:8082;
            eirc_token $cookie_chat;
            eirc_auth_request /_auth;
        }

        location /fixed {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /_fixed?who=fixed&x=1;
        }

        location /static {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /user.json;
        }

        location /nowhere {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /_nowhere;
        }

        location /intercepted {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /_intercepted;
        }

        location = /refused {
            internal;
            return 200 "our own page";
        }

        location = /_auth {
            internal;
            proxy_pass http://127.0.0.1:8081/api/auth/user/$eirc_token;
            proxy_read_timeout 1s;
            subrequest_output_buffer_size 16k;
        }

        location = /_fixed {
            internal;
            return 200 '{"nick":"$arg_who"}';
        }

        location = /user.json {
            internal;
        }

        location = /_nowhere {
            internal;
            proxy_pass http://127.0.0.1:8083;
        }

        location = /_intercepted {
            internal;
            proxy_pass http://127.0.0.1:8081/api/auth/user/$eirc_token;
            proxy_intercept_errors on;
            error_page 500 = /_fixed?who=fallback;
        }

        location / {
            return 200 "plain";
        }
    }
}

EOF_CONF

$t->write_file('user.json', '{"nick":"static"}');

my $asked = $t->testdir() . '/asked';

$t->run_daemon(\&EIRC::App::run, port(8081), $asked);
$t->waitforsocket('127.0.0.1:' . port(8081));

my $layer = EIRC::Layer->start($t->testdir() . '/run');

$t->run();

###############################################################################

my ($ws, $user);

# yes

$ws = chat('/chat?chat_token=good-1');
ok($ws->ok(), 'admitted');

$user = $layer->expect('USER')->{body};

like($user, qr/"sasl_secret":"secret of good_1"/, 'user object passed on');
like($user, qr/"profile":null/, 'and whole');

my $request = $t->read_file('asked');

like($request, qr!^GET /api/auth/user/good-1 HTTP!, 'request line');
like($request, qr/^Accept: application\/json\r$/m, 'accept');
unlike($request, qr/text\/html|^Accept-Encoding:/mi, 'not the browser\'s');
unlike($request, qr/^(?:Upgrade|Sec-WebSocket-\w+|Range|If-\S+):/mi,
    'nothing of the upgrade');
unlike($request, qr/upgrade/i, 'nor in connection');
unlike($request, qr/^Content-Length:|^Transfer-Encoding:/mi, 'no body');
like($request, qr/^Cookie: a=b\r$/m, 'cookies are for the application');
like($request, qr/^X-Mine: yes\r$/m, 'other headers too');

$ws->disconnect();

# once means once

is(chat('/chat?chat_token=good-1')->status(), 401, 'used token');
is(asked($t, 'good-1'), 1, 'asked once');

# no

for my $status (401, 403, 404) {
    $ws = chat("/chat?chat_token=status-$status");

    is($ws->status(), $status == 403 ? 403 : 401, "application says $status");
}

is($ws->body(), qq({"error":"Unauthorized Token"}\n), 'small body');
is($ws->header('Content-Type'), 'application/json', 'type');
is($ws->header('Cache-Control'), 'no-store', 'not to be kept');

is(chat('/chat?chat_token=status-404')->status(), 401, 'refused again');
is(asked($t, 'status-404'), 2, 'and asked again');

$ws = chat('/pages?chat_token=status-401');

is($ws->status(), 401, 'error_page keeps the status');
is($ws->body(), 'our own page', 'error_page for a refusal');

# nobody can say

my %wrong = (
    'status-500' => qr/answered 500/,
    'status-302' => qr/answered 302/,
    'status-204' => qr/answered 204 without a valid user object: it is empty/,
    'silent' => qr/answered 504/,
    'cut' => qr/broke off after \d+ of 1000 bytes/,
    'big' => qr/larger than subrequest_output_buffer_size/,
    'bigchunk' => qr/larger than subrequest_output_buffer_size/,
    'snug' => qr/larger than subrequest_output_buffer_size/,
    'snugchunk' => qr/larger than subrequest_output_buffer_size/,
    body('<html>') => qr/it is not valid JSON/,
    body('{"nick":"x"') => qr/it is not valid JSON/,
    body('{"nick":"x","nick":"y"}') => qr/it is not valid JSON/,
    body('["nick"]') => qr/it is no JSON object/,
    body('{"name":"x"}') => qr/"nick" is missing/,
    body('{"nick":7}') => qr/"nick" is no string/,
    body('{"nick":"a b"}') => qr/"nick" is not a valid nick/,
    body('{"nick":"x\r\nQUIT"}') => qr/it is not valid JSON/,
    body('{"nick":"x\u000d\u000aQUIT"}') => qr/"nick" is not a valid nick/,
    body('{"nick":"client"}') => qr/"nick" is reserved/,
    body('{"nick":"x","account":"a b"}') => qr/"account" is/,
    body('{"nick":"x","realname":"a\nb"}') => qr/"realname" is/,
    body('{"nick":"x","channels":[1]}') => qr/"channels" is/,
);

for my $token (sort keys %wrong) {
    $ws = chat("/chat?chat_token=$token");

    is($ws->status(), 503, "unusable answer: $wrong{$token}");
    logged($t, $wrong{$token}, 'reason is logged');
}

is($ws->body(), qq({"error":"Service Unavailable"}\n), 'small body for 503');

is(chat('/nowhere?chat_token=x')->status(), 503, 'no application');

# the claim was given back

my $before = asked($t, 'status-500');

chat('/chat?chat_token=status-500');
is(asked($t, 'status-500'), $before + 1, 'claim is given back');

# no token in a log

my @lines = ($t->read_file('access.log') =~ /^(.*)$/mg,
    grep { /application|websocket|token|session/ && !/\[debug\]|upstream:/ }
    split /\n/, $t->read_file('error.log'));

is(scalar(grep { /status-500|bigchunk|good-1/ } @lines), 0,
    'tokens are masked');
ok((grep { /GET \/chat\?chat_token=\*+ HTTP/ } @lines) > 20, 'request line');

# other ways to an answer

ok(chat('/chat?chat_token=wait-1')->ok(), 'slow application');
ok(chat('/chat?chat_token=chunk-1')->ok(), 'chunked answer');
ok(chat('/fixed?chat_token=f')->ok(), 'answer of nginx, with arguments');
ok(chat('/static?chat_token=s')->ok(), 'answer from a file');
ok(chat('/intercepted?chat_token=status-500')->ok(),
    'answer after an internal redirect');

# one token is one token, however it is written, and stays in its segment

ok(chat('/chat?chat_token=good%2Fa%20b%3F%23')->ok(), 'escaped token');
like($t->read_file('asked'), qr!^GET /api/auth/user/good%2Fa%20b%3F%23 HTTP!m,
    'escaped for the application');
is(chat('/chat?chat_token=goo%64%2fa%20b%3f%23')->status(), 401,
    'the same in another form');

ok(chat('/cookie', 'Cookie: chat=good-cookie')->ok(), 'token from a cookie');

# a browser that leaves while the application thinks

$before = asked($t, 'silent');

my $s = http(<<REQUEST, start => 1);
GET /chat?chat_token=silent HTTP/1.1
Host: 127.0.0.1
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13

REQUEST

ok(wait_until(5, sub { asked($t, 'silent') > $before }), 'application asked');

close $s;

is(chat('/chat?chat_token=silent')->status(), 503, 'token of one who left');

like(http_get('/'), qr/plain/, 'nginx is well');

$layer->stop();

###############################################################################

sub chat {
    my ($uri, @headers) = @_;

    return EIRC::WebSocket->connect(port(8080), $uri, headers => [
        'Accept: text/html', 'Accept-Encoding: gzip', 'X-Mine: yes',
        'Range: bytes=0-3', 'If-None-Match: "x"',
        @headers ? @headers : ('Cookie: a=b') ]);
}


sub asked {
    my ($t, $token) = @_;

    return scalar(() = $t->read_file('asked')
        =~ m!^GET /api/auth/user/\Q$token\E HTTP!mg);
}


sub body {
    return 'body' . unpack('H*', $_[0]);
}


sub logged {
    my ($t, $re, $name) = @_;

    return ok(wait_until(5, sub {
        $t->read_file('error.log') =~ /\[error\][^\n]*(?:$re)/
    }), $name);
}
