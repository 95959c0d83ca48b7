#!/usr/bin/perl

# Tests for sessions that outlive their connection, from the browser to a real
# IRC server: connections cut, taken over, reloaded, nginx workers killed, and
# whatever lines and messages that cost: none, and none twice.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Browser;
use EIRC::Chat;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(51);
my $dir = $t->testdir();
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

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;
    eirc_limit    0;
    eirc_rate     off;
    eirc_flood    off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass   irc://127.0.0.1:8090;
            eirc_linger 20s;
            eirc_replay 12k;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $ircd = EIRC::InspIRCd->new($t, flood => 0, recvq => '1M')->start();

$t->run();

my $bob = EIRC::Client->new($ircd->port(), 'bob');
$bob->join('#room');

# nothing asked for, nothing said

my $plain = EIRC::WebSocket->connect(port(8080), '/chat?chat_token='
    . token(nick => 'carol'));
ok($plain->expect(qr/ 376 /), 'a browser that does not ask for it');
is((grep { /^:client/ } $plain->messages()), 0, '... hears nothing of it');
$plain->disconnect();
ok(wait_until(5, sub { !grep { title($_) eq 'irc-client: carol' }
    processes($dir) }), '... and is not waited for');

# cut, and back

my $alice = EIRC::Browser->new('alice');
ok($alice->{id}, 'a session');
is(length $alice->{key}, 64, 'its key');
is($alice->{linger}, 20, 'how long it waits');
ok($bob->expect(qr/^:alice!\S+ JOIN :?#room/), 'in its channel');

$alice->say('one', 'two');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :two$/), 'it speaks');

$alice->{ws}->disconnect();
$bob->say('#room', "missed $_") for 1 .. 5;

is($alice->back(), 'resumed', 'it comes back');
$alice->heard(qr/missed 5$/);
is($alice->texts(qr/missed/), 'missed 1 missed 2 missed 3 missed 4 missed 5',
    'what it missed, in order');
is($alice->{gaps}, 0, 'without a gap');

# messages that didn't arrive are sent again, those that did are not

$alice->say('three');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :three$/), 'and goes on');
$alice->{ws}->send_raw(substr $alice->{ws}->frame(opcode => 1,
    payload => 'PRIVMSG #room :cut in the middle'), 0, 12);
push @{ $alice->{sent} }, 'PRIVMSG #room :cut in the middle';
$alice->{ws}->disconnect();
is($alice->back(), 'resumed', 'cut within a frame');
$alice->say('four');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :four$/), 'the next one');
is(join(' ', map { / :(.*)$/ } grep { /^:alice!\S+ PRIVMSG/ } $bob->lines()),
    'one two three cut in the middle four', 'each of them once');

# over again, and again

for my $round (1 .. 20) {
    $alice->{ws}->disconnect() if $round % 2;
    $bob->say('#room', "round $round");
    $alice->back();
    $alice->say("round $round");
}

$alice->heard(qr/round 20$/);
is($alice->texts(qr/round/), join(' ', map { "round $_" } 1 .. 20),
    'many rounds: every line once');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :round 20$/), '... to the last');
is(join(' ', map { / :(.*)$/ } grep { /^:alice!\S+ PRIVMSG \S+ :round/ }
    $bob->lines()), join(' ', map { "round $_" } 1 .. 20),
    '... and every message');

# a page that is loaded anew

$alice->{ws}->close(1001);
$alice->{ws}->wait_close();
$bob->say('#room', 'while it was loaded');
is($alice->back(), 'resumed', 'a browser that was going away (1001)');
ok($alice->heard(qr/while it was loaded$/), '... has missed nothing');

# a second browser with the key

my $second = $alice->twin();
my $first = $alice->{ws};
is($second->back(), 'resumed', 'another browser takes it over');
is(($first->wait_close())[0], 4001, '... and the first is told');
$alice = $second;

# a key that is none any more

my $late = $alice->twin(key => '0' x 64);
is($late->back(), 4501, 'another key');
$late = $alice->twin(id => '0-000000000000000000000000');
is($late->back(), 4501, 'another session');

# it says that it has less than can be had again

$alice->{ws}->disconnect();
$alice->{received} = 0;
is($alice->back(), 'resumed', 'a browser that has forgotten everything');
is($alice->next_message() =~ /^:client gap/ && $alice->{gaps}, 1, '... a gap');
$alice->heard(qr/ 366 /);
is(scalar(grep { /^(?:@\S+ )?001 alice / } @{ $alice->{lines} }), 1,
    '... and the state of everything: 001');
ok((grep { /^005 alice .*CHANTYPES=#/ } @{ $alice->{lines} }), '... 005');
ok((grep { / 353 .*bob/ } @{ $alice->{lines} }), '... members');
$alice->say('after the gap');
ok($bob->expect(qr/after the gap$/), '... and it goes on');

# a burst that is larger than the ring, to a browser that is there

my $padding = 'x' x 300;
$bob->say('#room', "burst $_ $padding") for 1 .. 200;
$alice->heard(qr/burst 200 /);
is($alice->texts(qr/^burst/), join(' ', map { "burst $_ $padding" } 1 .. 200),
    'a burst, confirmed bit by bit');

# reload

my $old = $alice->{ws};
$t->reload();
is(($old->wait_close())[0], 1012, 'reload');
$bob->say('#room', 'during the reload');
is($alice->back(), 'resumed', '... and back to a new worker');
$alice->heard(qr/during the reload$/);
is($alice->{gaps}, 1, '... without a gap');

# a killed worker of nginx

my @workers = grep { title($_) =~ /^nginx: worker process$/ }
    children($t->read_file('nginx.pid') =~ s/\s//gr);
kill 'KILL', @workers;
is(($alice->{ws}->wait_close())[0], 1006, 'nginx workers are killed');
$bob->say('#room', 'after the kill');
is($alice->back(), 'resumed', '... and it comes back');
$alice->heard(qr/after the kill$/);
is($alice->{gaps}, 1, '... without a gap');

# its own process as well

my ($pid) = grep { title($_) eq 'irc-client: alice' } processes($dir);
kill 'KILL', $pid;
$bob->say('#room', 'after its process');
ok($alice->{ws}->expect(qr/after its process$/), 'its process is killed');
$alice->{received}++;

# IRC over WebSocket, text and binary

for my $mode (qw/ text binary /) {
    my $ws = EIRC::WebSocket->connect(port(8080), '/chat?resume=&chat_token='
        . token(nick => "irc$mode"), subprotocols => [ "$mode.ircv3.net" ]);
    my ($id, $key) = ($ws->expect(qr/^:client session/) || '')
        =~ /^:client session (\S+) (\S+) 20$/;
    ok($key, "$mode: a session");
    $ws->$_("NICK irc$mode"), $ws->$_("USER x 0 * :x")
        for $mode eq 'text' ? 'send_text' : 'send_binary';
    ok($ws->expect(qr/ 376 /), '... registered');
    my $n = grep { !/^:client / } $ws->messages();
    $ws->disconnect();
    $bob->send("PRIVMSG irc$mode :while away");
    is(EIRC::WebSocket->connect(port(8080), "/chat?resume=$id.$key.$n")
        ->status(), 400, '... not by another subprotocol');
    $ws = EIRC::WebSocket->connect(port(8080), "/chat?resume=$id.$key.$n",
        subprotocols => [ "$mode.ircv3.net" ]);
    ok($ws->expect(qr/PRIVMSG irc$mode :while away$/), '... and back');
    $ws->close(1000);
}

# nobody was seen to leave

is((grep { /^:(?:alice|irctext|ircbinary)!\S+ QUIT .*(?:Connection|reset)/ }
    $bob->lines()), 0, 'the IRC server saw no end of any');

$alice->{ws}->send_text('/quit');
is(($alice->{ws}->wait_close())[0], 1000, '/quit');
is($alice->back(), 4501, '... is for good');

# killed workers of nginx are what nginx calls an alert

$t->stop();
my $log = $t->read_file('error.log');
$log =~ s/^.*\[alert\].*exited on signal 9$//gm;
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'nothing alarming in the log');
$t->write_file('error.log', $log);

is(wait_for(0, 30, $dir), 0, 'no process left behind');
