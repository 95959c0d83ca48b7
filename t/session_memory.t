#!/usr/bin/perl

# Tests for the memory of long sessions: however much goes through one, it
# stays as small as it was, and a thousand that have gone leave nothing.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Layer;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

plan(skip_all => 'sanitizers have memory of their own')
    if defined $ENV{ASAN_OPTIONS};

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(10);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;
worker_shutdown_timeout 5s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_auth_request /auth;
            eirc_rate 1000000r/s burst=1000000;
            eirc_pass irc://127.0.0.1:8090;
        }

        location /issued {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /issue {
            eirc_token_issue on;
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

my $layer = EIRC::Layer->start($t->testdir() . '/run');
my $accounts = 0;

$t->run();
$layer->expect('WATCH');

my ($worker) = children($t->read_file('nginx.pid') =~ /(\d+)/);
my $fds = descriptors($worker);

# one session, warmed up, and then ten times as much

my $ws = chat();
my ($sent, $got) = (0, 0);

ok(both(2000), 'some messages');
my $before = private($worker);
ok(both(20000), 'many messages');
cmp_ok(private($worker), '<=', $before + 64, 'no memory for them');

# sessions come and go

$ws->disconnect();
$layer->expect('EOF');

come_and_go(200);
ok(all_gone(), 'some sessions');
$before = private($worker);
ok(come_and_go(1000), 'many sessions');
ok(all_gone(), 'no descriptor is left');

# but 125 KB of the zone, which remembers their tokens

cmp_ok(private($worker), '<=', $before + 125 + 64, 'no memory is left');

# what a waiting session costs: nothing but a connection and the request that
# every request has, as long as its head is not whole; then with a token that
# was issued, and with one that the application was asked about, whose answer
# nginx keeps as long as the request

my $request = each_of(sub { half() });
my $issued = each_of(sub { issued() });
my $asked = each_of(sub { chat() });

diag(sprintf('an idle session in nginx: %.1f KB, %.1f KB with a question to '
    . 'the application; a request alone: %.1f KB', $issued, $asked,
    $request));

cmp_ok($request, '>', 4, 'a request alone');
cmp_ok($issued - $request, '<', 4, 'an idle session is small');
cmp_ok($asked, '<', 24, 'one that was asked about, too');


# KB that each of two hundred takes

sub each_of {
    my ($open) = @_;
    my @some = map { $open->() } 1 .. 20;

    wait_until(10, sub { descriptors($worker) >= $fds + @some });

    my $before = private($worker);
    my @more = map { $open->() } 1 .. 200;

    wait_until(10, sub { descriptors($worker) >= $fds + @some + @more });

    my $each = (private($worker) - $before) / @more;

    $_->disconnect() for @some, @more;

    # and all of it is free before the next are opened

    all_gone();

    return $each;
}


# The worker has as many descriptors as before the first session.

sub all_gone {
    return wait_until(10, sub { descriptors($worker) == $fds });
}


sub half {
    my $head = "GET /chat?chat_token=x HTTP/1.1\r\nHost: localhost\r\n"
        . "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        . "Sec-WebSocket-Version: 13\r\n";
    my $s = http($head, start => 1);

    return bless { socket => $s }, 'Half';
}


sub Half::disconnect { return close $_[0]{socket} }


sub issued {
    return chat('/issued', nick => 'alice', account => 'a' . ++$accounts);
}


# n messages in batches, each way

sub both {
    my ($n) = @_;

    while ($n > 0) {
        $ws->send_text('m' x 200) for 1 .. 50;
        $layer->lines($sent, map { 'l' x (100 + $_) } 1 .. 50);

        for (1 .. 50) {
            my $r = $layer->expect('MESSAGE') or return 0;

            return 0 if $r->{count} != $sent++;
            return 0 if !$ws->read_message();
        }

        $n -= 50;
    }

    return 1;
}


sub come_and_go {
    my ($n) = @_;

    while ($n-- > 0) {
        my $one = chat();

        return 0 if !$one->ok();

        $one->disconnect();
        $layer->expect('EOF') or return 0;
    }

    return 1;
}


# KB that the process shares with nobody

sub private {
    my ($pid) = @_;
    my $sum = 0;

    open my $fh, '<', "/proc/$pid/smaps_rollup" or return 0;

    for (<$fh>) {
        $sum += $1 if /^Private_Dirty:\s+(\d+)/;
    }

    return $sum;
}
