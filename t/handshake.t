#!/usr/bin/perl

# Tests for the opening handshake, RFC 6455, 4: what is admitted, and the
# answer to what isn't.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use IO::Select;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/)->plan(78);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    large_client_header_buffers 4 128k;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /echo {
            eirc_echo on;
        }

        location /limited {
            eirc_echo on;
            limit_rate 1;
        }

        location /page {
            eirc_echo on;
            error_page 426 /hello.txt;
        }

        location /hello.txt {
        }

        location /except {
            eirc_echo on;

            limit_except GET {
                deny all;
            }
        }
    }
}

EOC

$t->write_file('hello.txt', 'this is for websockets');
$t->run();

my $port = port(8080);
my $key = 'dGhlIHNhbXBsZSBub25jZQ==';
my ($r, $ws);

# the request of RFC 6455, 1.2, and its answer

$r = request();
like($r, qr!^HTTP/1\.1 101 Switching Protocols\x0d!, 'switching protocols');
like($r, qr!^Upgrade: websocket\x0d$!m, 'upgrade');
like($r, qr!^Connection: upgrade\x0d$!mi, 'connection');
like($r, qr!^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\x0d$!m,
    'accept');
unlike($r, qr!^(Content-|Transfer-|Sec-WebSocket-[PE])!mi, 'nothing else');

# what may look different

is(status(Upgrade => 'WebSocket'), 101, 'case of upgrade');
is(status(Upgrade => 'h2c, websocket'), 101, 'list of upgrades');
is(status(Upgrade => ",,\twebsocket ,"), 101, 'untidy list of upgrades');
is(status(Upgrade => ['h2c', 'websocket']), 101, 'repeated upgrade');
is(status(Connection => 'upgrade'), 101, 'case of connection');
is(status(Connection => 'keep-alive, Upgrade'), 101, 'list of options');
is(status(Connection => 'keep-alive ,UPGRADE,'), 101, 'untidy list');
is(status(Connection => ['keep-alive', 'Upgrade']), 101, 'repeated');
is(status('Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAAAA=='), 101, 'zeros');
is(status('Content-Length' => '0'), 101, 'empty body');
is(status('sec-websocket-protocol' => 'chat'), 101, 'some subprotocol');
is(status('Sec-WebSocket-Extensions' => 'x-made-up'), 101, 'some extension');
is(status('X-Many' => [('x' x 7000) x 3]), 101, 'large head');

# upgrade required

for my $case (
    [ 'no upgrade', Upgrade => undef ],
    [ 'upgrade to another protocol', Upgrade => 'h2c' ],
    [ 'part of a token', Upgrade => 'websockets' ],
    [ 'with a version', Upgrade => 'websocket/13' ],
    [ 'empty upgrade', Upgrade => '' ],
    [ 'old version', 'Sec-WebSocket-Version' => 8 ],
    [ 'new version', 'Sec-WebSocket-Version' => 14 ],
    [ 'list of versions', 'Sec-WebSocket-Version' => '13, 8' ],
    [ 'odd version', 'Sec-WebSocket-Version' => '013' ],
    [ 'empty version', 'Sec-WebSocket-Version' => '' ],
) {
    my ($name, @headers) = @$case;

    $r = request(@headers);
    like($r, qr!^HTTP/1\.1 426 !, $name);
    ok($r =~ /^Sec-WebSocket-Version: 13\x0d$/m
        && $r =~ /^Upgrade: websocket\x0d$/m
        && $r =~ /^Connection: upgrade\x0d$/m, "$name, what is wanted");
}

like(http_get('/echo'), qr! 426 .*^Upgrade: websocket!ms, 'HTTP/1.0');
is(status(http => '1.0'), 426, 'upgrade in HTTP/1.0');

# bad request

is(status(Connection => undef), 400, 'no connection');
is(status(Connection => 'keep-alive'), 400, 'connection without upgrade');
is(status(Connection => 'upgrades'), 400, 'part of an option');
is(status('Sec-WebSocket-Version' => undef), 400, 'no version');
is(status('Sec-WebSocket-Version' => [13, 13]), 400, 'repeated version');
is(status('Sec-WebSocket-Key' => undef), 400, 'no key');
is(status('Sec-WebSocket-Key' => ''), 400, 'empty key');
is(status('Sec-WebSocket-Key' => [$key, $key]), 400, 'repeated key');
is(status('Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAAAAA='), 400, '17 bytes');
is(status('Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAA'), 400, '15 bytes');
is(status('Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAAAA'), 400, 'no padding');
is(status('Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAA=AAA=='), 400, 'not base64');
is(status('Sec-WebSocket-Key' => 'AAAAAAAA-AAAAAAAAAAAAA=='), 400, 'not that');
is(status('Sec-WebSocket-Key' => "$key$key"), 400, 'long key');
is(status(Host => undef), 400, 'no host');
is(status(Origin => ['http://127.0.0.1', 'http://127.0.0.1']), 400,
    'repeated origin');
is(status('Content-Length' => '5'), 400, 'body');
is(status('Transfer-Encoding' => 'chunked'), 400, 'chunked body');

# other methods

for my $method (qw/ POST HEAD OPTIONS PUT /) {
    $r = request(method => $method, Connection => 'close');
    like($r, qr!^HTTP/1\.1 405 .*^Allow: GET\x0d$!ms, $method);
}

# frames right behind the request, and while the 101 waits

$ws = EIRC::WebSocket->connect($port, '', request => text()
    . EIRC::WebSocket->frame(payload => 'early', mask => 'abcd'));
is($ws->read_message()->{payload}, 'early', 'early frame');

$ws = EIRC::WebSocket->connect($port, '',
    request => text('X-Long' => 'x' x 100000)
    . EIRC::WebSocket->frame(payload => 'e' x 15000) x 3);
is(join(' ', map { length $ws->read_message()->{payload} } 1 .. 3),
    '15000 15000 15000', 'early frames behind a large head');

$ws = EIRC::WebSocket->connect($port, '/limited');
$ws->send_text('x' x 5000);
is(length $ws->read_message()->{payload}, 5000, 'no rate limit of nginx');

# an error page of one's own

$r = request(uri => '/page', Upgrade => undef);
like($r, qr!^HTTP/1\.1 426 .*this is for websockets!ms, 'error page');

# the connection goes on after a refusal

$r = http(text(Upgrade => undef) . text(method => 'POST')
    . text(uri => '/hello.txt', Connection => 'close'));
like($r, qr!^HTTP/1.1 426 .*^HTTP/1.1 405 .*^HTTP/1.1 200 .*this is!ms,
    'connection goes on after refusals');

my $s = http(text(Upgrade => undef) . text()
    . EIRC::WebSocket->frame(payload => 'second'), start => 1);
my $answer = '';

while (IO::Select->new($s)->can_read(5) && sysread($s, my $part, 65536)) {
    $answer .= $part;
    last if $answer =~ /second/;
}

like($answer, qr!^HTTP/1.1 426 .*^HTTP/1.1 101 .*\x0d\x0a\x81\x06second!ms,
    'and may still be upgraded');

# beside other modules

is(status(uri => '/except'), 101, 'within limits');
is(status(uri => '/except', method => 'POST'), 403, 'beyond them');

close $s;
undef $ws;

$t->stop();

# why, in the log

my $log = $t->read_file('error.log');

for my $re (
    qr/method "POST"/,
    qr/no "Upgrade" header/,
    qr/upgrade to something else/,
    qr/no "upgrade" in the "Connection" header/,
    qr/version "8"/,
    qr/0 "Sec-WebSocket-Key" headers/,
    qr/"Sec-WebSocket-Key" is not the base64 of 16 bytes/,
    qr/request with a body/,
) {
    like($log, qr/\[info\].*websocket refused: $re/, "logged: $re");
}


sub text {
    my (%opt) = @_;
    my $uri = delete $opt{uri} || '/echo';
    my $method = delete $opt{method} || 'GET';
    my $http = delete $opt{http} || '1.1';

    my %headers = (Host => "127.0.0.1:$port", Upgrade => 'websocket',
        Connection => 'Upgrade', 'Sec-WebSocket-Key' => $key,
        'Sec-WebSocket-Version' => 13, %opt);
    my @lines = "$method $uri HTTP/$http";

    for my $name (sort keys %headers) {
        my $value = $headers{$name};
        next if !defined $value;
        push @lines, map { "$name: $_" } ref $value ? @$value : $value;
    }

    return join('', map { "$_\x0d\x0a" } @lines, '');
}


sub request {
    my (@opt) = @_;
    my $w = EIRC::WebSocket->connect($port, '', request => text(@opt));

    return 'HTTP/1.1 ' . $w->status() . "\n" if !$w->head();
    return $w->head() . "\x0d\x0a" . $w->body();
}


sub status {
    my (@opt) = @_;
    return EIRC::WebSocket->connect($port, '', request => text(@opt),
        timeout => 3)->status();
}
