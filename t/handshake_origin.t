#!/usr/bin/perl

# Tests for eirc_origin: whose pages may open a WebSocket.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http rewrite/);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /same {
            eirc_echo on;
        }

        location /any {
            eirc_echo on;
            eirc_origin any;
        }

        location /names {
            eirc_echo on;
            eirc_origin a.example.org b.example.org:8443 https://c.example.org
                        http://d.example.org:81 [::1];

            location /names/inherited {
                eirc_echo on;
            }

            location /names/other {
                eirc_echo on;
                eirc_origin other;
            }
        }

        location /null {
            eirc_echo on;
            eirc_origin null;
        }

        location /wildcard {
            eirc_echo on;
            eirc_origin *.example.org https://*.example.net:8443;
        }

        location /regex {
            eirc_echo on;
            eirc_origin ~^https://[a-z]+\.example\.org$ exact;
        }
    }
}

EOC

# location, origin, host (or undef), status

my @cases = (
    ['/same', undef, undef, 101],
    ['/same', 'http://chat.example.org', 'chat.example.org', 101],
    ['/same', 'https://chat.example.org', 'chat.example.org', 101],
    ['/same', 'https://CHAT.example.ORG', 'chat.Example.org', 101],
    ['/same', 'https://chat.example.org:8443', 'chat.example.org:8443', 101],
    ['/same', 'http://chat.example.org:80', 'chat.example.org', 101],
    ['/same', 'https://chat.example.org:443', 'chat.example.org', 101],
    ['/same', 'https://chat.example.org', 'chat.example.org:443', 101],
    ['/same', 'http://[2001:db8::1]:8080', '[2001:db8::1]:8080', 101],
    ['/same', 'http://[2001:db8::1]', '[2001:db8::1]', 101],
    ['/same', 'http://other.example.org', 'chat.example.org', 403],
    ['/same', 'http://chat.example.org.evil', 'chat.example.org', 403],
    ['/same', 'http://evilchat.example.org', 'chat.example.org', 403],
    ['/same', 'http://chat.example.org:81', 'chat.example.org', 403],
    ['/same', 'http://chat.example.org', 'chat.example.org:81', 403],
    ['/same', 'http://chat.example.org:443', 'chat.example.org', 403],
    ['/same', 'http://chat.example.org@evil', 'chat.example.org', 403],
    ['/same', 'http://chat.example.org/', 'chat.example.org', 403],
    ['/same', 'http://chat.example.org:x', 'chat.example.org', 403],
    ['/same', 'chat.example.org', 'chat.example.org', 403],
    ['/same', 'http://', 'chat.example.org', 403],
    ['/same', 'http://[::1', 'chat.example.org', 403],
    ['/same', 'null', 'null', 403],
    ['/same', '', 'chat.example.org', 403],

    ['/any', undef, undef, 101],
    ['/any', 'https://whatever:1', undef, 101],
    ['/any', 'null', undef, 101],
    ['/any', '', undef, 101],

    ['/names', undef, undef, 101],
    ['/names', 'http://a.example.org', undef, 101],
    ['/names', 'https://A.example.org:8443', undef, 101],
    ['/names', 'https://b.example.org:8443', undef, 101],
    ['/names', 'https://b.example.org', undef, 403],
    ['/names', 'https://c.example.org', undef, 101],
    ['/names', 'http://c.example.org', undef, 403],
    ['/names', 'http://d.example.org:81', undef, 101],
    ['/names', 'https://d.example.org:81', undef, 403],
    ['/names', 'http://d.example.org', undef, 403],
    ['/names', 'http://[::1]:8080', undef, 101],
    ['/names', 'http://x.a.example.org', undef, 403],
    ['/names', 'http://chat.example.org', 'chat.example.org', 403],
    ['/names', 'null', undef, 403],
    ['/names/inherited', 'http://a.example.org', undef, 101],
    ['/names/inherited', 'http://x.example.org', undef, 403],
    ['/names/other', 'http://other', undef, 101],
    ['/names/other', 'http://a.example.org', undef, 403],

    ['/null', 'null', undef, 101],
    ['/null', 'http://a.example.org', undef, 403],

    ['/wildcard', 'http://a.example.org', undef, 101],
    ['/wildcard', 'https://a.b.EXAMPLE.org:1', undef, 101],
    ['/wildcard', 'http://example.org', undef, 403],
    ['/wildcard', 'http://.example.org', undef, 403],
    ['/wildcard', 'http://a-example.org', undef, 403],
    ['/wildcard', 'http://a.example.org.evil', undef, 403],
    ['/wildcard', 'https://a.example.net:8443', undef, 101],
    ['/wildcard', 'https://a.example.net', undef, 403],
    ['/wildcard', 'http://a.example.net:8443', undef, 403],

    ['/regex', 'https://abc.example.org', undef, 101],
    ['/regex', 'https://ABC.example.org', undef, 101],
    ['/regex', 'https://abc.example.org.evil', undef, 403],
    ['/regex', 'http://abc.example.org', undef, 403],
    ['/regex', 'http://exact', undef, 101],
);

$t->plan(@cases + 1);
$t->run();

my $port = port(8080);

for my $case (@cases) {
    my ($uri, $origin, $host, $status) = @$case;
    my @lines = ("GET $uri HTTP/1.1",
        'Host: ' . (defined $host ? $host : 'localhost'),
        'Upgrade: websocket', 'Connection: upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');

    push @lines, "Origin: $origin" if defined $origin;

    my $ws = EIRC::WebSocket->connect($port, '',
        request => join('', map { "$_\x0d\x0a" } @lines, ''));

    is($ws->status(), $status, join(' ', $uri,
        defined $origin ? "\"$origin\"" : 'no origin', $host || ()));
}

like($t->read_file('error.log'),
    qr!\[info\].*websocket refused: origin "http://a\.example\.net:8443"!,
    'logged');
