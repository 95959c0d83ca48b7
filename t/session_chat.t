#!/usr/bin/perl

# Tests for whole sessions: browsers, nginx, a process for each user, and a
# real IRC server.

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
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(43);

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
    eirc_limit    2;
    eirc_rate     100r/s burst=100;
    eirc_flood    100r/s burst=100;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /nowhere {
            eirc_pass irc://127.0.0.1:8091;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $dir = $t->testdir();
my $ircd = EIRC::InspIRCd->new($t, flood => 0)->start();

$t->run();

wait_until(5, sub { -S "$dir/run/sockets.0" && -S "$dir/run/sockets.1" });

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#room');

# two browsers talk

my $alice = chat(nick => 'alice', realname => 'Alice A', channels => ['room'],
    account => 'a1');

ok($alice->ok(), 'a session');
ok($alice->expect(qr/^:\S+ 001 alice /), 'registered');
ok($alice->expect(qr/^:\S+ 376 alice /), 'end of the MOTD');
ok($alice->expect(qr/^:alice!\S+ JOIN :?#room/), 'joined its channel');
like($carol->expect(qr/ JOIN /), qr/^:alice!\S+ JOIN :?#room/,
    'others see it');

my $bob = chat(nick => 'bob', channels => '#room,#other', account => 'b1');

ok($bob->expect(qr/^:bob!\S+ JOIN :?#other/), 'two channels of a list');
ok($alice->expect(qr/^:bob!\S+ JOIN :?#room/), 'alice sees bob');

$alice->send_text('PRIVMSG #room :hello bob');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :hello bob$/), 'alice speaks');
ok($carol->expect(qr/^:alice!\S+ PRIVMSG #room :hello bob$/), 'to all');

$bob->send_text('/input PRIVMSG alice :psst');
ok($alice->expect(qr/^:bob!\S+ PRIVMSG alice :psst$/), 'the command /input');

$bob->send_text("PRIVMSG #room :one\r\nPRIVMSG #room :two");
ok($alice->expect(qr/PRIVMSG #room :one$/), 'two lines in a message: one');
ok($alice->expect(qr/PRIVMSG #room :two$/), 'two');

$carol->say('#room', "gr\xfc\xdfe");
is($alice->expect(qr/^:carol!\S+ PRIVMSG/) =~ s/.* ://r,
    "gr\xc3\xbc\xc3\x9fe", 'lines that are no UTF-8 are converted');

$alice->send_text('/users #room');
my $users = $alice->expect(qr/^:client users/);
is(join(' ', sort split /,? :?/, $users =~ s/^:client users #room :?//r =~
    tr/@//dr), 'alice bob carol', 'the command /users');

$alice->send_text('/channels');
is($alice->expect(qr/^:client channels/), ':client channels :#room',
    'the command /channels');

$alice->send_text('/nonsense');
like($alice->expect(qr/^:client error/),
    qr/^:client error :Unrecognized command: "\/nonsense"/,
    'an unknown command');

# the limit, over both workers

my $second = chat(nick => 'alice2', account => 'a1');

ok($second->ok(), 'a second session of an account');

my @refused = map { chat(nick => "alice$_", account => 'a1') } 3 .. 8;

is(join(' ', map { $_->status() } @refused), join(' ', (429) x 6),
    'no third');

$second->expect(qr/ 376 /);
$second->close(1000);
is(($second->wait_close())[0], 1000, 'closed by the browser');
$second->disconnect();

my $third;

ok(wait_until(5, sub {
    $third = chat(nick => 'alice3', account => 'a1');
    return $third->ok();
}), 'another one in its place');

# ends

ok($third->expect(qr/ 376 /), 'registered');
$third->send_text('/quit');
is(($third->wait_close())[0], 1000, 'the command /quit');

$bob->disconnect();
ok($carol->expect(qr/^:bob!\S+ (?:PART|QUIT)/, 5), 'a browser that vanishes');

$alice->send_text('PART #room');
$alice->close(1001);
is(($alice->wait_close())[0], 1001, 'a browser that leaves');

my $dave = chat(nick => 'dave', channels => ['room']);
ok($carol->expect(qr/^:dave!\S+ JOIN/), 'one more');

my ($pid) = grep { title($_) =~ /: dave/ } users();
ok($pid, 'it has a process of its own');

is($pid ? kill('KILL', $pid) : 0, 1, '... which is killed');

$carol->say('#room', 'still there?');
ok($dave->expect(qr/ PRIVMSG #room :still there/, 5), 'another one goes on');
$dave->send_text('QUIT :bye');
ok($carol->expect(qr/^:dave!\S+ QUIT/, 5), 'and leaves IRC when told');

# kicked out by the IRC server: a nick of its own is gone with it

my $erin = chat(nick => 'erin', channels => ['room']);
ok($erin->expect(qr/ JOIN /), 'one more');
$erin->send_text('QUIT :raw');
is(($erin->wait_close())[0], 1000, 'a raw QUIT');

# the IRC server goes

my @left = map { chat(nick => "user$_", account => "u$_",
    channels => ['room']) } 1 .. 5;

ok($_->expect(qr/ JOIN /), 'a user of many') for @left;
$ircd->stop();
is(scalar(grep { $_->expect(qr/^:client notice .* lost/, 10) } @left), 5,
    'the IRC server goes');
$_->close(1000) for @left;
is(join(' ', map { ($_->wait_close(10))[0] } @left),
    join(' ', (1000) x 5), 'and its users');

my $fay = chat(nick => 'fay');

is($fay->status(), 101, 'a session without an IRC server');
is(($fay->wait_close(40))[0], 4004, 'none can be reached');

# nothing is left but layers and their helpers

ok(wait_until(5, sub { !users() }), 'no process of a user is left');

unlike($t->read_file('error.log'), qr/\[(?:crit|alert|emerg)\]/,
    'nothing alarming in the log');

$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');


# the processes of users, which are children of their layer; nobody else may
# look into them

sub users {
    return grep { title($_) !~ /: (?:template|connect)$/ }
        map { children($_) } grep { title($_) =~ /: sockets \d+$/ }
        processes($dir);
}
