#!/usr/bin/perl

# Tests for 1,000 users: connected, chatting and closed, after which nothing
# is left of them.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;
use IO::Select;
use Time::HiRes qw/ time /;

use constant USERS => 1000;
use constant CHANNELS => 50;
use constant TIME => 60;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)
    ->has_daemon('inspircd')->plan(13);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 2;
worker_rlimit_nofile 8192;
worker_shutdown_timeout 10s;

events {
    worker_connections 4096;
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080 backlog=1024;
        server_name  localhost;

        location /chat {
            eirc_auth_request /auth;
            eirc_pass irc://127.0.0.1:8090;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081/$eirc_token;
        }
    }

    server {
        listen       127.0.0.1:8081 backlog=1024;
        server_name  localhost;

        access_log off;

        location ~ ^/(u(?<n>\d+)r(?<room>\d+))$ {
            default_type application/json;
            return 200 '{"nick":"u$n","channels":["room$room"]}';
        }
    }
}

EOC

my $dir = $t->testdir();
my $ircd = EIRC::InspIRCd->new($t, flood => 0)->start();

$t->run();

wait_until(5, sub { -S "$dir/run/sockets.0" && -S "$dir/run/sockets.1" });

my ($master) = $t->read_file('nginx.pid') =~ /(\d+)/;
my @workers = children($master);
my @layers = grep { title($_) =~ /sockets \d+$/ } processes($dir);

is(scalar @layers, 2, 'two layers');

# some come first: what is there once stays

for my $n (USERS .. USERS + 7) {
    my $ws = chat($n);

    $ws->expect(qr/ 366 /);
    $ws->disconnect();
}

wait_until(5, sub { !users() });

my @idle = settled();
my $start = time();

# everybody comes

my @ws = map { chat($_) } 0 .. USERS - 1;

is(scalar(grep { $_->ok() } @ws), USERS, 'all are connected');
diag(sprintf('connected in %.1f s', time() - $start));

is(read_all(sub { $_[1] =~ / 366 / }), USERS, 'all are in their channel');
diag(sprintf('in their channels after %.1f s', time() - $start));

is(scalar users(), USERS, 'a process for each');

# everybody says something, everybody hears it from the others

$ws[$_]->send_text('PRIVMSG #room' . $_ % CHANNELS . " :hello from $_")
    for 0 .. USERS - 1;

my $others = USERS / CHANNELS - 1;
my @heard = map { {} } 1 .. USERS;

is(read_all(sub {
    my ($n, $line) = @_;

    $heard[$n]{$1}++ if $line =~ /PRIVMSG #room\d+ :hello from (\d+)$/;
    return keys %{ $heard[$n] } == $others;
}), USERS, 'all hear all others');

is(scalar(grep { my $n = $_; grep { $_ % CHANNELS != $n % CHANNELS
    || $_ == $n } keys %{ $heard[$n] } } 0 .. USERS - 1), 0,
    'and nobody else');
is(scalar(grep { grep { $_ != 1 } values %$_ } @heard), 0, 'once');
diag(sprintf('have talked after %.1f s', time() - $start));

# everybody leaves: a third each with a close, a word, and without one

for my $n (0 .. USERS - 1) {
    $n % 3 == 0 ? $ws[$n]->close(1000)
        : $n % 3 == 1 ? $ws[$n]->send_text('/quit')
        : $ws[$n]->disconnect();
}

is(scalar(grep { ($_->wait_close())[0] != 1000 } map { $ws[$_] }
    grep { $_ % 3 < 2 } 0 .. USERS - 1), 0, 'close codes');

undef @ws;

ok(wait_until(10, sub { !users() }), 'no process is left');

is(join(' ', settled()), "@idle", 'no descriptor is left');

cmp_ok(time() - $start, '<', TIME, 'all that in time');

$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');

my $log = $t->read_file('error.log');
unlike($log, qr/\[(?:crit|alert|emerg|error)\]/, 'nothing wrong in the log');


# reads from all browsers until the code has said yes for each; how many did

sub read_all {
    my ($code) = @_;
    my $end = time() + TIME / 3;
    my %left = map { fileno $ws[$_]->socket() => $_ } 0 .. $#ws;
    my $select = IO::Select->new(map { $_->socket() } @ws);

    my $look = sub {
        my ($fd, $n) = @_;

        while ($ws[$n]->pending()) {
            my $message = $ws[$n]->read_message(0) or last;
            next if !$code->($n, $message->{payload});

            delete $left{$fd};
            $select->remove($ws[$n]->socket());
            return;
        }
    };

    $look->($_, $left{$_}) for keys %left;

    while (%left && time() < $end) {
        for my $s ($select->can_read($end - time())) {
            my ($fd, $n) = (fileno $s, $left{fileno $s});

            my $message = $ws[$n]->read_message(0);

            if ($message && $code->($n, $message->{payload})) {
                delete $left{$fd};
                $select->remove($s);
                next;
            }

            if ($ws[$n]->closed()) {
                $select->remove($s);
                last if !$select->count();
                next;
            }

            $look->($fd, $n);
        }
    }

    return @ws - keys %left;
}


sub chat {
    my ($n) = @_;
    my $token = "u${n}r" . $n % CHANNELS;

    return EIRC::WebSocket->connect(port(8080), "/chat?chat_token=$token",
        timeout => 10);
}


# descriptors of workers and layers, once they have not changed for a while

sub settled {
    my ($since, @before) = (time());

    wait_until(10, sub {
        my @now = map { descriptors($_) } @workers, @layers;

        ($since, @before) = (time(), @now) if "@now" ne "@before";

        return time() - $since > 0.5;
    });

    return @before;
}


# the processes of users, which are children of their layer; nobody else may
# look into them

sub users {
    return grep { title($_) !~ /: (?:template|connect)$/ }
        map { children($_) } grep { title($_) =~ /: sockets \d+$/ }
        processes($dir);
}
