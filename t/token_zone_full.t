#!/usr/bin/perl

# Tests for a token zone that is full: it refuses, says so, and evicts
# nothing; unverified tokens fill their share only.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::App;
use EIRC::Layer;
use EIRC::WebSocket;

use IO::Select;
use IO::Socket::INET;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http proxy unix/)->plan(16);

$t->write_file_expand('nginx.conf', <<'EOF');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;
    eirc_token_zone small:64k timeout=6s;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /push {
            eirc_pass irc://127.0.0.1:8082;
        }

        location /pull {
            eirc_pass irc://127.0.0.1:8082;
            eirc_auth_request /_auth;
        }

        location /token {
            eirc_token_issue on;
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

# guesses: an application that takes its time, many tokens at once

my $first = issue();
my @s = map { ask("/pull?chat_token=long-$_") } 1 .. 120;
my %status;

$status{ answer($_) }++ for @s;

cmp_ok($status{101} || 0, '>=', 64, 'some guesses are asked about');
cmp_ok($status{503} || 0, '>=', 40, 'the others are refused');
is(($status{101} || 0) + ($status{503} || 0), 120, 'and nothing else');
like($t->read_file('error.log'),
    qr/\[error\] .*share of unverified tokens in eirc_token_zone "small" is/,
    'log says so');


# while they wait tokens are issued and used

@s = map { ask("/pull?chat_token=long-again-$_") } 1 .. 120;

my $token = issue();

like($token, qr/^\w{64}$/, 'issued meanwhile');
is(status("/push?chat_token=$token"), 101, 'used meanwhile');

answer($_) for @s;

is(status('/pull?chat_token=good-after'), 101, 'room for guesses again');

# tokens of applications that said no leave nothing

is((grep { status("/pull?chat_token=status-404-$_") != 401 } 1 .. 200), 0,
    'refused tokens take no room');

# full, of nothing else: the time itself is what is waited for

select undef, undef, undef, 6.1;

my @tokens;

for (1 .. 1000) {
    my $token = issue('{"nick":"alice","bio":"' . 'x' x 900 . '"}');
    last if $token eq '';
    push @tokens, $token;
}

cmp_ok(scalar @tokens, '>=', 10, 'zone takes tokens');
cmp_ok(scalar @tokens, '<', 64, 'until it is full');

my $reply = http_issue('{"nick":"a","bio":"' . 'x' x 900 . '"}');

like($reply, qr!^HTTP/1.1 503 .*\{"error":"the token zone is full"\}!s,
    'full zone refuses');
like($t->read_file('error.log'),
    qr/\[error\] [^\n]*: (?:\*\d+ )?eirc_token_zone "small" is full/,
    'and the log says so');
unlike($t->read_file('error.log'), qr/ngx_slab_alloc\(\) failed/,
    'once, and not as a failure');

is((grep { status("/push?chat_token=$_") != 101 } @tokens), 0,
    'nothing was evicted');

like(issue('{"nick":"alice","bio":"' . 'x' x 900 . '"}'), qr/^\w{64}$/,
    'objects of used tokens make room');

is(status("/push?chat_token=$first"), 401, 'the first has long expired');

$layer->stop();

###############################################################################

sub issue {
    return http_issue(@_) =~ /"token":"(\w+)"/ ? $1 : '';
}


sub http_issue {
    my ($body) = @_;

    $body = '{"nick":"alice"}' if !defined $body;

    return http("POST /token HTTP/1.1\nHost: localhost\nConnection: close\n"
        . "Content-Type: application/json\nContent-Length: " . length($body)
        . "\n\n$body");
}


sub status {
    my ($uri) = @_;

    return EIRC::WebSocket->connect(port(8080), $uri)->status();
}


sub ask {
    my ($uri) = @_;

    my $s = IO::Socket::INET->new(Proto => 'tcp',
        PeerAddr => '127.0.0.1:' . port(8080)) or die "Can't connect: $!\n";

    syswrite $s, "GET $uri HTTP/1.1\r\nHost: localhost\r\n"
        . "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        . "Sec-WebSocket-Version: 13\r\n\r\n";

    return $s;
}


sub answer {
    my ($s) = @_;

    IO::Select->new($s)->can_read(5) or return 'none';
    sysread($s, my $reply, 4096);
    close $s;

    return $reply =~ m!^HTTP/1.1 (\d+)! ? $1 : 'nonsense';
}
