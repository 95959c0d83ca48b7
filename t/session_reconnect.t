#!/usr/bin/perl

# Tests for sessions that outlive the connection to their IRC server: a server
# that stops and comes back, the next one of a list, channels with keys, what
# can't be had again.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::IRCServer;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)
    ->has_daemon('inspircd')->plan(50);

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

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /list {
            eirc_pass irc://127.0.0.1:8082 irc://127.0.0.1:8083;
        }

        location /ban {
            eirc_pass irc://127.0.0.1:8084;
        }

        location /first {
            eirc_pass irc://127.0.0.1:8085 irc://127.0.0.1:8082;
        }

        location /never {
            eirc_pass irc://127.0.0.1:8085 irc://127.0.0.1:8086;
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

# what the browsers ask these servers to do

my $on_line = sub {
    my ($server, $conn, $line) = @_;

    if ($line =~ /^PRIVMSG \S+ :hang up/) {
        $server->raw($conn, ':x!u@h PRIVMSG #room :half a li');
        $server->hangup($conn);
        return 1;
    }

    # somebody who was here before isn't let in again

    if ($server->{bans} && $line =~ /^USER/ && $conn->{id} > 1) {
        $server->reply($conn, ':irc.scripted 465 * :You are banned');
        $server->hangup($conn);
        return 1;
    }

    if ($conn->{id} > 1 && $line =~ /^JOIN .*#shut/) {
        $server->reply($conn, ":irc.scripted 473 $conn->{nick} #shut :No");
        $server->_join($conn, '#room');
        return 1;
    }

    return 0;
};

my $one = EIRC::IRCServer->new($t, port => 8082, on_line => $on_line);
my $two = EIRC::IRCServer->new($t, port => 8083, on_line => $on_line);
my $ban = EIRC::IRCServer->new($t, port => 8084, on_line => $on_line,
    bans => 1);
my $full = EIRC::IRCServer->new($t, port => 8085,
    refuse => 'Closing link: server is full');
my $full2 = EIRC::IRCServer->new($t, port => 8086,
    refuse => 'Closing link: server is full');
my @servers = ($one, $two, $ban, $full, $full2);

$t->run_daemon($_->code()) for @servers;

my $ircd = EIRC::InspIRCd->new($t, flood => 0)->start();

$_->wait() for @servers;
$t->run();
wait_until(5, sub { -S "$dir/run/sockets.0" });

# a real server stops, and starts again

my $alice = chat_as('/chat', 'alice');

ok($alice->expect(qr/ 366 .*#room/), 'a session');
$alice->send_text('JOIN #secret');
ok($alice->expect(qr/ 366 .*#secret/), 'another channel');
$alice->send_text('MODE #secret +k key');
ok($alice->expect(qr/ MODE #secret \+k/), 'with a key');
$alice->send_text('PART #secret');
ok($alice->expect(qr/^:alice!\S+ PART /), 'left');
$alice->send_text('JOIN #secret key');
ok($alice->expect(qr/ 366 .*#secret/), 'and joined with it');

my $pid = (users())[0];

$ircd->kill();
like($alice->expect(qr/^:client notice/, 10), qr/^:client[ ]notice[ ]:
    The[ ]connection[ ]to[ ]the[ ]IRC[ ]server[ ]was[ ]lost\.
    [ ]Next[ ]try[ ]in[ ]\d+[ ]s\.$/x, 'the IRC server is killed');
like($alice->expect(qr/^:client notice/, 10), qr/^:client[ ]notice[ ]:
    No[ ]IRC[ ]server[ ]could[ ]be[ ]reached\.
    [ ]Next[ ]try[ ]in[ ]\d+[ ]s\.$/x,
    'and is not there yet');

# what is said meanwhile waits, and goes behind the channels

$alice->send_text('PRIVMSG alice :are you there?');

$ircd->start();

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#room');

my $again = qr/^:client notice :Connected to the IRC server again\.$/;

ok($alice->expect($again, 40), 'the server is back');
ok($alice->expect(qr/^:\S+ 001 alice /), 'registered');
ok($alice->expect(qr/^:alice!\S+ JOIN :?#room/), 'its channel');
ok($alice->expect(qr/ 366 .*#room/), 'and who is in it');
ok($alice->expect(qr/^:alice!\S+ JOIN :?#secret/), 'the one with a key');
ok($alice->expect(qr/^:alice!\S+ PRIVMSG alice :are you there\?/),
    'what was said in between');
$carol->say('#room', 'yes');
ok($alice->expect(qr/^:carol!\S+ PRIVMSG #room :yes/), 'and the answer');
is((users())[0], $pid, 'in the same process');

$alice->send_text('/users room');
my $users = $alice->expect(qr/^:client users/);
like($users, qr/alice/, 'members');
like($users, qr/carol/, 'of now');

# a user who leaves while there is no server

$ircd->stop();
ok($alice->expect(qr/^:client notice .* lost/, 10), 'a server that stops');
$alice->send_text('/quit');
is(($alice->wait_close(5))[0], 1000, 'a user who leaves meanwhile');

my $bob = chat_as('/chat', 'bob');
is(($bob->wait_close(20))[0], 4004, 'no server for who was nowhere yet');

$ircd->start();
$bob = chat_as('/chat', 'bobby');
ok($bob->expect(qr/ 366 /), 'one more');
$ircd->stop();
ok($bob->expect(qr/^:client notice .* lost/, 10), 'without a server');
$bob->disconnect();
ok(wait_until(5, sub { !users() }), 'its browser vanishes');

# the next one of a list

my $dora = chat_as('/list', 'dora');

ok($dora->expect(qr/ 366 /), 'a list of servers');
$dora->send_text('JOIN #shut');
ok($dora->expect(qr/ 366 .*#shut/), 'a channel');
is($one->connections(), 1, 'on the first');
$dora->send_text('PRIVMSG #room :hang up');
ok($dora->expect($again, 10), 'it hangs up');
ok($dora->expect(qr/ 366 .*#room/), 'back');
is($two->connections(), 1, 'on the second');
ok(!grep(/half a li/, $dora->messages()), 'half a line is no line');
$dora->send_text('PRIVMSG #room :hang up');
ok($dora->expect($again, 10), 'that one, too');
ok($dora->expect(qr/ 473 dora #shut/), 'a channel that lets nobody in again');
is($dora->expect(qr/ PART /), ':dora PART #shut :The way back was refused.',
    'which the browser is told');
ok($dora->expect(qr/ 366 .*#room/), 'the other one does');
is($one->connections(), 2, 'on the first again');
$dora->send_text('/channels');
is($dora->expect(qr/^:client channels/), ':client channels :#room',
    'channels now');
$dora->send_text('/quit');
is(($dora->wait_close())[0], 1000, 'closed');

# what won't change by trying

my $eve = chat_as('/ban', 'eve');

ok($eve->expect(qr/ 366 /), 'somebody');
$eve->send_text('PRIVMSG #room :hang up');
ok($eve->expect(qr/^:client notice .* lost/, 10), 'who comes back');
is(($eve->wait_close(10))[0], 4500, 'and is banned');

# who was nowhere yet is taken by the next server, or told so at once

my $fay = chat_as('/first', 'fay');

ok($fay->expect(qr/ 366 /), 'the first server is full');
$fay->send_text('/quit');
is(($fay->wait_close())[0], 1000, 'closed');

my $gil = chat_as('/never', 'gil');

is(($gil->wait_close(10))[0], 4000, 'all servers are full');

# a nick that somebody else has

$ircd->start();

my $holder = EIRC::Client->new($ircd->port(), 'hal');
$holder->join('#room');

my $hal = chat_as('/chat', 'hal');

ok($hal->expect(qr/^:\S+ 001 hal_ /), 'a nick that is taken');
ok($hal->expect(qr/ 366 .*#room/), 'by somebody who is seen');
$holder->quit();
ok($hal->expect(qr/^:hal_!\S+ NICK :?hal$/, 10), 'is taken back');
$hal->send_text('/quit');
is(($hal->wait_close())[0], 1000, 'closed');

my $log = $t->read_file('eirc.log');

like($log, qr/connection to IRC server lost/, 'the log tells of it');
is(scalar(() = $log =~ /wants connections without end/g), 0,
    'nobody asked too often');

$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');


# the processes of users, which are children of their layer

sub users {
    return grep { title($_) !~ /: (?:template|connect)$/ }
        map { children($_) } grep { title($_) =~ /: sockets \d+$/ }
        processes($dir);
}
