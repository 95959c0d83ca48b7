#!/usr/bin/perl

# Tests for what a user says to others: lines longer than they can be shown,
# and many of them at a server that throws out who says too much.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)
    ->has_daemon('inspircd')->plan(20);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT processes=1;
    eirc_run_path %%TESTDIR%%/run;
    eirc_rate     1000r/s burst=1000;
    eirc_flood    200r/s burst=200;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /slow {
            eirc_flood 10r/s burst=2;
            eirc_pass  irc://127.0.0.1:8090;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081/$eirc_token;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        location ~ ^/(?<nick>\w+)$ {
            default_type application/json;
            return 200 '{"nick":"$nick","channels":["room"]}';
        }
    }
}

EOC

# the protection is the real one, twenty times as fast; what we are allowed to
# say here is far more than the server takes

my $dir = $t->testdir();
my $ircd = EIRC::InspIRCd->new($t, commandrate => 20000, recvq => '8K')
    ->start();

$t->run();
wait_until(5, sub { -S "$dir/run/sockets.0" });

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#room');

my $alice = chat_as('/chat', 'alice');

ok($alice->expect(qr/ 366 /), 'a session');

# long lines, as others see them

my $words = join(' ', map { "w\xc3\xb6rd$_" . 'x' x ($_ % 13) } 1 .. 300);

$alice->send_text("PRIVMSG #room :$words");
my @pieces = heard(length $words);
is(join(' ', @pieces), $words, 'a long line, between words');
cmp_ok(scalar @pieces, '<=', 2 + length($words) / 400, 'in as few pieces as '
    . 'it takes');

my $word = "\xe2\x82\xac" x 700;

$alice->send_text("/input PRIVMSG #room :$word");
@pieces = heard(length $word);
is(join('', @pieces), $word, 'a long word');
is(scalar(grep { !utf8::decode(my $copy = $_) } @pieces), 0,
    'between characters');

$alice->send_text("PRIVMSG #room :\x01ACTION $words\x01");
@pieces = heard(length $words);
is(scalar(grep { !/^\x01ACTION .*\x01$/ } @pieces), 0, 'an action');
is(join(' ', map { /^\x01ACTION (.*)\x01$/ } @pieces), $words, 'whole');

my $exact = 'y' x 421;

$alice->send_text("PRIVMSG #room :$exact");
is((heard(1))[0], $exact, 'a line that fits is one');

# many lines: more than the server keeps of anybody who is too fast

my @paste = map { sprintf 'line %03d ', $_ } 1 .. 200;
$_ .= 'z' x (300 - length $_) for @paste;

$alice->send_text("PRIVMSG #room :$_") for @paste[0 .. 99];

for (my $i = 100; $i < 200; $i += 20) {
    $alice->send_text(join "\n", map { "PRIVMSG #room :$_" }
        @paste[$i .. $i + 19]);
}

my @heard;

for (@paste) {
    my $line = $carol->expect(qr/PRIVMSG #room/, 10);
    last if !defined $line;
    push @heard, $line;
}

is(join("\n", map { s/.*? :(?=line)//r } @heard), join("\n", @paste),
    'a paste of 200 lines, in order');

$alice->send_text('PRIVMSG #room :still here');
ok($carol->expect(qr/PRIVMSG #room :still here/, 10), 'nobody is thrown out');
is(scalar(grep { /eirc-flow/ } $alice->messages()), 0,
    'how it is done is not shown');
ok(!grep(/^:client/, $alice->messages()), 'nor is anything said of it');

# a page that asks for everybody, and a user who wants to say something: a
# server sends two lines for each that isn't there

my $bob = EIRC::WebSocket->connect(port(8080), '/slow?chat_token=bob',
    timeout => 10);
$bob->expect(qr/ 366 /);

$bob->send_text(join "\n", (map { "/input WHOIS nobody$_" } 1 .. 25),
    ('/input WHOIS nobody25') x 20, 'PRIVMSG #room :said', 'PRIVMSG bob :me');

ok($carol->expect(qr/bob!\S+ PRIVMSG #room :said/, 10), 'talk goes');
ok($bob->expect(qr/ PRIVMSG bob :me/), 'all of it');
cmp_ok(scalar(grep { / 401 / } $bob->messages()), '<', 10,
    'before most of what was asked');

$bob->send_text('WHOIS bob');
ok($bob->expect(qr/ 318 bob bob /, 30), 'and there is an answer to all');
is(join(' ', map { / 401 bob nobody(\d+) / ? $1 : () } $bob->messages()),
    join(' ', 1 .. 25), 'in order, and once');

$alice->send_text('/quit');
is(($alice->wait_close())[0], 1000, 'closed');

unlike($ircd->log(), qr/RecvQ exceeded|Excess Flood/i, 'the server is content');

$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');


# texts that carol hears, of so many bytes together, or nearly

sub heard {
    my ($want) = @_;
    my (@texts, $length);

    $length = 0;

    while ($length < $want) {
        my $line = $carol->expect(qr/^:alice!\S+ PRIVMSG #room :/, 10);
        last if !defined $line;
        push @texts, $line =~ s/^\S+ PRIVMSG #room ://r;
        $length += 1 + length($texts[-1] =~ s/^\x01ACTION (.*)\x01$/$1/r);
    }

    return @texts;
}
