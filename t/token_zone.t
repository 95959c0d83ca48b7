#!/usr/bin/perl

# Tests for the token zone: a token is good once, for a while, in every worker
# and over a reload; nothing is evicted; no token is in shared memory.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx qw/:DEFAULT http_end/;
use EIRC::App;
use EIRC::Layer;
use EIRC::Processes;
use EIRC::WebSocket;

use IO::Select;
use IO::Socket::INET;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http proxy unix/)->plan(36);

my $conf = <<'EOF';

%%TEST_GLOBALS%%

daemon off;
worker_processes 2;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;
    eirc_token_zone tokens:1m timeout=TIMEOUT;

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

configure($t, '10s');

$t->run_daemon(\&EIRC::App::run, port(8081), $t->testdir() . '/asked');
$t->waitforsocket('127.0.0.1:' . port(8081));

my $run = $t->testdir() . '/run';
my $layer = EIRC::Layer->start($run);

$t->run();

###############################################################################

# one of many

my ($yes, $no, $other) = crowd('/push?chat_token=' . issue(), 200);

is($yes, 1, 'issued token: one of 200');
is($no, 199, 'issued token: the others refused');

($yes, $no, $other) = crowd('/pull?chat_token=wait-crowd', 200);

is($yes, 1, 'token of the application: one of 200');
is($no, 199, 'token of the application: the others refused');
is(asked($t, 'wait-crowd'), 1, 'token of the application: asked once');

# what is in shared memory

my $token = issue('{"nick":"alice","sasl_secret":"a-secret-to-find"}');
my $memory = shared_memory($t);

ok(length $memory >= 1024 * 1024, 'shared memory');
ok(index($memory, 'a-secret-to-find') >= 0, 'object waits in it');
ok(index($memory, $token) < 0, 'token is not in it');
ok(index($memory, pack 'H*', $token) < 0, 'nor in binary');

is(status("/push?chat_token=$token"), 101, 'token is good');

$memory = shared_memory($t);

ok(index($memory, 'a-secret-to-find') < 0, 'object is wiped after use');
ok(index($memory, $token) < 0, 'token is still not in it');

is(status('/pull?chat_token=good-unforgettable'), 101, 'pulled token');

$memory = shared_memory($t);

ok(index($memory, 'unforgettable') < 0, 'pulled token is not in it');
ok(index($memory, 'secret of good') < 0, 'nor its object');

# over a reload

my $used = issue();
my $unused = issue();

is(status("/push?chat_token=$used"), 101, 'used before a reload');

configure($t, '2s');
reload($t);

is(status("/push?chat_token=$used"), 401, 'used token after a reload');
is(status("/push?chat_token=$unused"), 101, 'unused token after a reload');

# a worker that is leaving starts nothing; the next one has its verdict

my $ws = http("GET /pull?chat_token=wait-reload HTTP/1.1\n"
    . "Host: localhost\nUpgrade: websocket\nConnection: Upgrade\n"
    . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
    . "Sec-WebSocket-Version: 13\n\n", start => 1);

wait_until(5, sub { asked($t, 'wait-reload') });
reload($t);

like(http_end($ws), qr!^HTTP/1.1 503 !, 'asked while reloading');
is(status('/pull?chat_token=wait-reload'), 101, 'next worker');
is(asked($t, 'wait-reload'), 1, 'application was asked once');

# no process: the verdict stays, nobody is asked again

$layer->stop();
$layer = EIRC::Layer->start($run, answer => [ 9, 'full' ]);
settle();

$token = issue();

is(status('/pull?chat_token=once-1'), 503, 'no process');
is(status("/push?chat_token=$token"), 503, 'no process for an issued token');

$layer->stop();
$layer = EIRC::Layer->start($run);
settle();

is(status('/pull?chat_token=once-1'), 101, 'the next try');
is(asked($t, 'once-1'), 1, 'application was asked once');
is(status("/push?chat_token=$token"), 101, 'the next try, issued token');
is(status("/push?chat_token=$token"), 401, 'and then no more');

# time

$token = issue();
like(http_issue('{"nick":"a"}'), qr/"expires":2\}/, 'timeout');

is(status('/pull?chat_token=good-late'), 101, 'application says yes');

# the time itself is what is waited for

select undef, undef, undef, 2.1;

is(status("/push?chat_token=$token"), 401, 'expired token');
is(status('/pull?chat_token=good-late'), 101,
    'what has expired is asked about anew');

# nothing stays

configure($t, '1s');
reload($t);

is(status('/pull?chat_token=status-404'), 401, 'refused token');
is(status('/pull?chat_token=status-500'), 503, 'broken application');
issue() for 1 .. 100;
ok(wait_until(10, sub { issue(); (entries($t))[0] < 50 }),
    'those that are issued take the place of what has expired');
ok(wait_until(25, sub { !grep { $_ } entries($t) }), 'all entries are gone')
    or diag('without debug log?');

is((() = $t->read_file('error.log') =~ /\[crit\]/g), 0, 'nothing critical');

$layer->stop();

###############################################################################

sub configure {
    my ($t, $timeout) = @_;

    $conf =~ s/timeout=\w+/timeout=$timeout/;
    $t->write_file_expand('nginx.conf', $conf);

    return;
}


sub workers {
    my ($t) = @_;
    my $pid = $t->read_file('nginx.pid');
    chomp $pid;

    my @pids = sort { $a <=> $b } children($pid);

    return @pids;
}


# New workers are there, and the old ones are gone: each request then goes to
# the new configuration.

sub reload {
    my ($t) = @_;
    my @old = workers($t);

    $t->reload();

    wait_for_end($_, 10) for @old;
    wait_until(5, sub { workers($t) >= 2 });
    settle();

    return;
}


# Entries of the zone, and bytes that unverified ones take, as last logged.

sub entries {
    my ($t) = @_;
    my @n = $t->read_file('error.log') =~ /zone entries:(\d+) guesses:(\d+)/g;

    return @n ? @n[-2, -1] : (100, 1);
}


# Both workers have a connection to the layer.

sub settle {
    wait_until(5, sub { $layer->count('WATCH') >= 2 });

    return;
}


sub issue {
    my ($body) = @_;

    return http_issue($body) =~ /"token":"(\w+)"/ ? $1 : 'none';
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


sub asked {
    my ($t, $token) = @_;

    return scalar(() = $t->read_file('asked')
        =~ m!^GET /api/auth/user/\Q$token\E HTTP!mg);
}


# So many at once with one URI: how many got 101, 401, and anything else.

sub crowd {
    my ($uri, $n) = @_;
    my ($yes, $no, $other) = (0, 0, 0);

    my @s = map {
        IO::Socket::INET->new(Proto => 'tcp',
            PeerAddr => '127.0.0.1:' . port(8080))
            or die "Can't connect: $!\n";
    } 1 .. $n;

    my $request = "GET $uri HTTP/1.1\r\nHost: localhost\r\n"
        . "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        . "Sec-WebSocket-Version: 13\r\n\r\n";

    syswrite $_, $request for @s;

    my $select = IO::Select->new(@s);

    while ($select->count()) {
        my @ready = $select->can_read(5) or last;

        for my $s (@ready) {
            $select->remove($s);
            sysread($s, my $reply, 4096);

            my ($status) = ($reply || '') =~ m!^HTTP/1.1 (\d+)!;

            $status ||= 0;
            $yes++ if $status == 101;
            $no++ if $status == 401;
            diag("status $status") if $status != 101 && $status != 401;
        }
    }

    close $_ for @s;

    return ($yes, $no, $other);
}


# What the workers share with each other.

sub shared_memory {
    no warnings 'portable';

    my ($t) = @_;
    my ($pid) = workers($t);
    my $all = '';

    open my $maps, '<', "/proc/$pid/maps" or die "Can't open maps: $!\n";
    open my $mem, '<:raw', "/proc/$pid/mem" or die "Can't open mem: $!\n";

    while (my $line = <$maps>) {
        my ($from, $to) = $line =~ /^(\w+)-(\w+) rw-s / or next;

        sysseek $mem, hex $from, 0;
        sysread $mem, my $bytes, hex($to) - hex($from);
        $all .= $bytes if defined $bytes;
    }

    return $all;
}
