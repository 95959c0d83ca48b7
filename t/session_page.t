#!/usr/bin/perl

# Tests for what the page that eIRC was first made for says, word for word, and
# for what it needs to hear: a real server, and a user without any of IRCv3.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Client;
use EIRC::IRCServer;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)
    ->has_daemon('inspircd')->plan(41);

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
    eirc_flood    off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;

        location / {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /nomotd {
            eirc_pass irc://127.0.0.1:8091;
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
            return 200 '{"nick":"$nick","realname":"${nick}_1",
                "channels":["room"],"id":7,"email":"a@b","profile":null}';
        }

        location = /nowhere {
            default_type application/json;
            return 200 '{"nick":"nowhere","realname":"no","channels":[""]}';
        }
    }
}

EOC

my $dir = $t->testdir();
my @modules = map { "ircv3_$_" } qw/ ctctags echomessage servertime batch /;
my $ircd = EIRC::InspIRCd->new($t, flood => 0, config => join "\n",
    map { "<module name=\"$_\">" } 'cap', 'namesx', 'uhnames', @modules)
    ->start();
my $server = EIRC::IRCServer->new($t, port => 8091, nomotd => 1,
    on_line => \&scripted);

$t->run_daemon($server->code());
$server->wait();
$t->run();
wait_until(5, sub { -S "$dir/run/sockets.0" });

# the way in

my $alice = chat('/?chat_token=alice');
ok($alice->expect(qr/^:\S+ 376 alice /), 'it is ready with 376');
my @early = $alice->messages();
is(scalar(grep { / 001 alice / } @early), 1, 'own nick');
is(scalar(grep { / (?:CAP|AUTHENTICATE|410|421|451) / } @early), 0,
    'nothing of capabilities');
ok($alice->expect(qr/^:alice!\S+ JOIN :#room/), 'joins');
like($alice->expect(qr/ 353 /), qr/ 353 alice \S #room :\@alice$/, 'names');
like($alice->expect(qr/ 366 /), qr/ 366 alice #room :/, '... to their end');

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#room');
ok($alice->expect(qr/^:carol!\S+ JOIN :#room$/), 'JOIN');

# what it says

for (
    [ 'PRIVMSG #room :to all', qr/^:alice\S+ PRIVMSG #room :to all$/ ],
    [ 'PRIVMSG carol :to one', qr/^:alice\S+ PRIVMSG carol :to one$/ ],
    [ "PRIVMSG #room :\x01ACTION waves\x01",
        qr/^:alice\S+ PRIVMSG #room :\x01ACTION waves\x01$/ ],
    [ 'NOTICE carol :listen', qr/^:alice\S+ NOTICE carol :listen$/ ],
    [ 'MODE #room +v carol', qr/^:alice\S+ MODE #room \+v :?carol$/ ],
    [ 'MODE #room +o carol', qr/^:alice\S+ MODE #room \+o :?carol$/ ],
    [ 'MODE #room +b bad!*@*', qr/^:alice\S+ MODE #room \+b :?bad!\*\@\*$/ ],
    [ 'TOPIC #room :a topic: two', qr/^:alice\S+ TOPIC #room :a topic: two$/ ],
    [ 'PART #room :for now', qr/^:alice\S+ PART #room :"?for now"?$/ ],
    [ 'JOIN #room', qr/^:alice\S+ JOIN :?#room$/ ],
    [ 'NICK alicia', qr/^:alice\S+ NICK :?alicia$/ ],
    [ 'NICK alice', qr/^:alicia\S+ NICK :?alice$/ ])
{
    my ($line, $re) = @$_;

    $alice->send_text("/input $line");
    ok($carol->expect($re), "/input $line" =~ s/\x01//gr);
}

# nothing of its own comes back but what changes something

$alice->send_text('/channels');
$alice->expect(qr/^:client channels/);
is(scalar(grep { /^:alic\S+ (?:PRIVMSG|NOTICE)/ } $alice->messages()), 0,
    'no echo');
is(scalar(grep { /^:alice\S+ MODE #room \+[vob] / } $alice->messages()), 3,
    'modes');
is(scalar(grep { /^:alice\S+ TOPIC #room / } $alice->messages()), 1, 'topic');
is(scalar(grep { /^@| BATCH / } $alice->messages()), 0, 'no tags');

# what it hears

$carol->send("TOPIC #room :new\r\nMODE #room -v+o carol alice\r\n"
    . 'PRIVMSG alice :hi');
like($alice->expect(qr/ TOPIC /), qr/^:carol!\S+ TOPIC #room :new$/, 'TOPIC');
like($alice->expect(qr/ MODE /), qr/^:carol!\S+ MODE #room -v\+o carol :?alice$/,
    'MODE, as it is');
like($alice->expect(qr/ PRIVMSG /), qr/^:carol!\S+ PRIVMSG alice :hi$/,
    'PRIVMSG');
$alice->send_text('/users room');
is(join(' ', sort split / ?, /, $alice->expect(qr/^:client users/)
    =~ s/.*://r), '@alice @carol', 'one prefix for each');

$alice->send_text('/input WHOIS alice');
my $whois = $alice->expect(qr/ 311 /);
like($whois, qr/ 311 alice alice \S+ \S+ \* :alice_1$/,
    '311 has the real name of the application');
ok($alice->expect(qr/ 319 alice alice :\@#room/), 'numeric 319');
ok($alice->expect(qr/ 312 alice alice \S+ :/), 'numeric 312');
ok($alice->expect(qr/ 317 alice alice \d+ \d+ :/), 'numeric 317');
ok($alice->expect(qr/ 318 alice alice :/), 'numeric 318');

$alice->send_text('/input MOTD');
ok($alice->expect(qr/ 372 alice :/), 'numeric 372');

# a message in frames, and long ones

$alice->send_frame(opcode => 1, fin => 0, payload => '/input PRIV');
$alice->send_frame(opcode => 0, fin => 0, payload => 'MSG #room :in ');
$alice->send_frame(opcode => 0, payload => 'frames');
ok($carol->expect(qr/ PRIVMSG #room :in frames$/), 'a fragmented frame');

$alice->send_text("/input PRIVMSG #room :x\r\nQUIT :gone\0");
is(($alice->wait_close())[0], 1008, 'a message with NUL is none');
ok($carol->expect(qr/^:alice!\S+ PART #room/), 'and ends it');

# without a MOTD, and without channels

my $bob = chat('/nomotd?chat_token=nowhere');
ok($bob->expect(qr/ 422 /), 'a server without MOTD');
is($bob->expect(qr/./), ':irc.scripted 376 nowhere :End of message of the day.',
    'has one made up');
$bob->send_text('/channels');
$bob->expect(qr/^:client/);
is(join('|', $server->received()), 'NICK nowhere|USER nowhere 0 * :no',
    'a channel without a name is none');
$bob->send_text("/input KICK #room x :out\n/input WHOIS x");
$server->wait_for(qr/^WHOIS/, 5);
is(($server->received())[-2], 'KICK #room x :out', 'KICK');

$bob->disconnect();
$carol->quit();
$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');

###############################################################################

sub chat {
    my ($uri) = @_;
    return EIRC::WebSocket->connect(port(8080), $uri, timeout => 10);
}


# its MOTD comes as late as the test wants to see it

sub scripted {
    my ($self, $c, $line) = @_;

    return $line =~ /^KICK/;
}

###############################################################################
