#!/usr/bin/perl

# Tests for what goes wrong around a session: IRC servers that refuse or hang
# up, a socket layer and an nginx worker that are killed.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::IRCServer;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# nginx calls the death of its worker an alert, and is right

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->todo_alerts()
    ->plan(28);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 2;
worker_shutdown_timeout 5s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT processes=2;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;

        location /chat {
            eirc_pass irc://127.0.0.1:8082;
        }

        location /refuse {
            eirc_pass irc://127.0.0.1:8083;
        }

        location /hangup {
            eirc_pass irc://127.0.0.1:8085;
        }

        location /lost {
            eirc_pass irc://127.0.0.1:8087;
        }

        location /fallback {
            eirc_pass irc://127.0.0.1:8086 irc://127.0.0.1:8082;
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

my $dir = $t->testdir();

my $irc = EIRC::IRCServer->new($t, port => 8082);
my @servers = ($irc,
    EIRC::IRCServer->new($t, port => 8083,
        refuse => 'Closing link: you are banned'),
    EIRC::IRCServer->new($t, port => 8087,
        refuse => 'Closing link: server is full'),
    EIRC::IRCServer->new($t, port => 8085,
        on_line => sub {
            my ($server, $conn, $line) = @_;
            return $line =~ /hang up/ ? ($server->hangup($conn), 1) : 0;
        }));

$t->run_daemon($_->code()) for @servers;
$_->wait() for @servers;

$t->run();

wait_until(5, sub { -S "$dir/run/sockets.0" && -S "$dir/run/sockets.1" });

# refused, hung up

my $refused = chat_as('/refuse', 'refused');

is($refused->status(), 101, 'an IRC server that refuses');
is(($refused->wait_close(10))[0], 4500, 'close code');

my $hangup = chat_as('/hangup', 'hangup');

ok($hangup->expect(qr/ JOIN /), 'an IRC server that hangs up');
$hangup->send_text('PRIVMSG #room :hang up');
ok($hangup->expect(qr/^:client notice .* lost/), 'is come back to');
ok($hangup->expect(qr/ JOIN /), 'with the channels');
$hangup->close(1000);
is(($hangup->wait_close())[0], 1000, 'close code');

my $lost = chat_as('/lost', 'lost');

is(($lost->wait_close(10))[0], 4000, 'one that lets nobody in');

my $fallback = chat_as('/fallback', 'fallback');

ok($fallback->expect(qr/ JOIN /), 'the second server where the first is gone');
$fallback->close(1000);
is(($fallback->wait_close())[0], 1000, 'close code');

# an nginx worker is killed: its browsers lose their connection, and their
# processes leave IRC

my @ws = map { chat_as('/chat', "w$_") } 1 .. 6;

ok($_->expect(qr/ JOIN /), 'a session') for @ws;

my ($master) = $t->read_file('nginx.pid') =~ /(\d+)/;
my @layers = layers();

kill 'KILL', children($master);

is(join(' ', map { ($_->wait_close(5))[0] } @ws), join(' ', (1006) x 6),
    'nginx workers are killed');
ok($irc->wait_for(qr/^QUIT/, 5), 'processes leave IRC');
ok(wait_until(5, sub { !users() || users() == 1 }), 'and end');
is(join(' ', layers()), "@layers", 'socket layers stay');

# socket layers are killed: others take their place

my $alive;

ok(wait_until(5, sub {
    $alive = chat_as('/chat', 'x' . int rand 1e9);
    return $alive->ok();
}), 'new workers serve');
ok($alive->expect(qr/ JOIN /), 'as ever');

kill 'KILL', @layers;

ok(wait_until(10, sub {
    my @now = layers();
    return @now == 2 && !grep { my $p = $_; grep { $p == $_ } @layers } @now;
}), 'socket layers are killed');

my $ws;

ok(wait_until(10, sub {
    $ws = chat_as('/chat', 'y' . int rand 1e9);
    return $ws->ok();
}), 'new ones serve');
ok($ws->expect(qr/ JOIN /), 'as ever');
$ws->close(1000);
is(($ws->wait_close())[0], 1000, 'close code');

$alive->send_text('PRIVMSG #room :still here');
ok($irc->wait_for(qr/^PRIVMSG #room :still here/, 5),
    'the session of a layer that was killed lives on');
$alive->send_text('/quit');
is(($alive->wait_close())[0], 1000, 'until its user leaves');

$t->stop();
is(wait_for(0, 15, $dir), 0, 'no process left behind');


sub layers {
    return grep { title($_) =~ /: sockets \d+$/ } processes($dir);
}


# the processes of users, which are children of their layer; nobody else may
# look into them

sub users {
    return grep { title($_) !~ /: (?:template|connect)$/ }
        map { children($_) } grep { title($_) =~ /: sockets \d+$/ }
        processes($dir);
}
