#!/usr/bin/perl

# Tests for the IRCv3 subprotocols: which is chosen, and an ordinary IRC client
# that registers itself, under the identity of its token.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat qw/ token /;
use EIRC::Client;
use EIRC::IRCServer;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix/)
    ->has_daemon('inspircd')->plan(57);

my $client = irc_client();
my $text = 'text.ircv3.net';
my $binary = 'binary.ircv3.net';

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 5s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;
    eirc_rate     100r/s burst=100;
    eirc_flood    off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /scripted {
            eirc_pass irc://127.0.0.1:8091;
        }

        location /cookie {
            eirc_token $cookie_chat;
            eirc_pass  irc://127.0.0.1:8091;
        }

        location /header {
            eirc_token $http_x_chat_token;
            eirc_pass  irc://127.0.0.1:8091;
        }

        location /echo {
            eirc_echo on;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $dir = $t->testdir();
my $ircd = EIRC::InspIRCd->new($t, flood => 0,
    config => join "\n", map { "<module name=\"$_\">" }
        qw/ cap ircv3_ctctags ircv3_servertime namesx uhnames /)->start();

my $server = EIRC::IRCServer->new($t, port => 8091, on_line => \&scripted);
$t->run_daemon($server->code());
$server->wait();

$t->run();

wait_until(5, sub { -S "$dir/run/sockets.0" });

# which one is chosen

my @offers = (
    [ [ $text ], $text ],
    [ [ $binary ], $binary ],
    [ [ $text, $binary ], $text ],
    [ [ $binary, $text ], $binary ],
    [ [ 'soap', $binary ], $binary ],
    [ [ 'soap' ], '' ],
    [ [ 'eirc.ticket.x', $text ], $text ],
);

for (@offers) {
    my ($offered, $chosen) = @$_;
    my $ws = EIRC::WebSocket->connect(port(8080), '/echo',
        subprotocols => $offered);

    is($ws->header('Sec-WebSocket-Protocol') // '', $chosen,
        "of @$offered");
    $ws->disconnect();
}

is(EIRC::WebSocket->connect(port(8080), '/echo',
    headers => [ 'Sec-WebSocket-Protocol: a b' ])->status(), 400,
    'no list of tokens');

# an ordinary client of the server

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#room');

my $alice = chat('/chat', [ $text ], nick => 'alice', realname => 'Alice A',
    channels => [ 'room' ]);

ok($alice->ok(), 'text');

$alice->send_text('CAP LS 302');
like($alice->expect(qr/ CAP \S+ LS /), qr/^:\S+ CAP \* LS :.*multi-prefix/,
    'capabilities of the server');

$alice->send_text('NICK mallory');
$alice->send_text('USER mallory 0 * :Mallory');
$alice->send_text('CAP REQ :multi-prefix server-time');
ok($alice->expect(qr/ CAP \S+ ACK :multi-prefix server-time/),
    'capabilities agreed on');
$alice->send_text('CAP END');

ok($alice->expect(qr/ 001 alice /), 'the nick of the token');
ok($alice->expect(qr/ 376 alice /), 'end of the MOTD');
like($alice->expect(qr/ JOIN /), qr/^\@time=\S+ :alice!\S+ JOIN :?#room/,
    'the channel of the token, and tags');

$carol->send('WHOIS alice');
like($carol->expect(qr/ 311 /), qr/ 311 carol alice \S+ \S+ \* :Alice A/,
    'the name of the token');

$carol->say('#room', "gr\xfc\xdfe");
is($alice->expect(qr/ PRIVMSG /) =~ s/.* ://r, "gr\xc3\xbc\xc3\x9fe",
    'text is UTF-8');

$alice->send_text('PRIVMSG #room :/users #room');
is($carol->expect(qr/ PRIVMSG /) =~ s/.* ://r, '/users #room', 'speaks');

$alice->send_text('/users #room');
like($alice->expect(qr/ 421 /), qr/ 421 alice \/users /i, 'no commands');

for my $word ('PASS x', 'WEBIRC a b c d', 'AUTHENTICATE PLAIN') {
    $alice->send_text($word);
    like($alice->expect(qr/^FAIL/), qr/^FAIL \* REFUSED :/, "not $word");
}

$alice->send_text('NICK alicia');
ok($alice->expect(qr/:alice!\S+ NICK :?alicia/), 'another nick, later');

$alice->send_text('QUIT :so long');
like($carol->expect(qr/ QUIT /), qr/^:alicia!\S+ QUIT :.*so long/, 'quits');
ok($alice->expect(qr/^(@\S+ )?ERROR /), 'is told so');
is(($alice->wait_close())[0], 1000, 'closed');
is(grep(/^Disconnected\.|^:client/, $alice->messages()), 0,
    'nothing of eIRC\'s own way');

# bytes as they are

my $bob = chat('/chat', [ $binary ], nick => 'bob', channels => [ 'room' ]);

ok($bob->ok(), 'binary');

$bob->send_binary("CAP LS 302\r\nNICK bob\r\nUSER bob 0 * :Bob\r\nCAP END");
ok($bob->expect(qr/ 001 bob /), 'registered');
ok($bob->expect(qr/ JOIN :?#room/), 'joined');

$carol->say('#room', "gr\xfc\xdfe");
is($bob->expect(qr/ PRIVMSG /) =~ s/.* ://r, "gr\xfc\xdfe",
    'bytes from IRC');

$bob->send_binary("PRIVMSG #room :gr\xfc\xdfe");
is($carol->expect(qr/^:bob\S+ PRIVMSG /) =~ s/.* ://r, "gr\xfc\xdfe",
    'bytes to IRC');

my $long = 'PRIVMSG #room :' . ("\xfc" x 600);
$bob->send_binary($long);
is(length($carol->expect(qr/^:bob\S+ PRIVMSG /) =~ s/.* :\xfc/\xfc/r) > 300, 1,
    'a long line is cut, not dropped');

$bob->disconnect();
like($carol->expect(qr/ QUIT /), qr/^:bob!/, 'gone');

# against a server that does what a real one can't be made to

my $dave = chat('/scripted', [ $text ], nick => 'dave');

$dave->send_text('CAP LS 302');
is($dave->expect(qr/ CAP \S+ LS \* /), ':irc CAP * LS * :batch echo-message',
    'what is ours is taken out of the list');
is($dave->expect(qr/ CAP \S+ LS /), ':irc CAP * LS :server-time',
    'of its last line, too');

$dave->send_text('CAP REQ :server-time sasl');
is($dave->expect(qr/^CAP /), 'CAP * NAK :server-time sasl',
    'and cannot be asked for');

$dave->send_text('NICK mallory');
is($dave->expect(qr/ 433 /), ':irc 433 * dave :in use', 'a nick is taken');
$dave->send_text('NICK dave2');
$dave->send_text('USER x 0 * :x');
$dave->send_text('CAP END');
ok($dave->expect(qr/ 001 dave2 /), 'another one may be chosen then');
ok($dave->expect(qr/ 422 /), 'there is no MOTD');
$dave->send_text('PRIVMSG #x :after');
ok($dave->expect(qr/ NOTICE dave2 :heard/), 'a line');
is(grep(/ 376 | PING /, $dave->messages()), 0,
    'no 376 is made up, no PING is seen');

my $told = join "\n", $server->received();
like($told, qr/^NICK dave$/m, 'the nick of the token was said first');
unlike($told, qr/mallory/, 'and no other');
like($told, qr/^USER dave 0 \* :dave$/m, 'so was the name');
like($told, qr/^PONG :?cookie$/m, 'the PING was answered');
unlike($told, qr/sasl/i, 'sasl was never asked for');

$dave->send_text('PRIVMSG #x :die');
like($dave->expect(qr/^ERROR /), qr/^ERROR :.*lost/, 'the server has gone');
is(($dave->wait_close())[0], 4000, 'closed');

# tokens elsewhere than in the query

my $token = token(nick => 'erin');
my $ws = EIRC::WebSocket->connect(port(8080), '/cookie',
    headers => [ "Cookie: a=b; chat=$token" ]);
ok($ws->ok(), 'in a cookie');
$ws->disconnect();

$token = token(nick => 'frank');
$ws = EIRC::WebSocket->connect(port(8080), '/header',
    headers => [ "X-Chat-Token: $token" ]);
ok($ws->ok(), 'in a header');
$ws->disconnect();

$token = token(nick => 'grace');
$ws = EIRC::WebSocket->connect(port(8080), '/scripted',
    subprotocols => [ "eirc.ticket.$token", $text ]);
ok($ws->ok(), 'in a subprotocol');
is($ws->header('Sec-WebSocket-Protocol'), $text, 'which is not answered');
unlike($ws->head(), qr/\Q$token\E/, 'and not repeated');
$ws->disconnect();

is(EIRC::WebSocket->connect(port(8080), '/scripted',
    subprotocols => [ "eirc.ticket.$token", $text ])->status(), 401,
    'good for once');
is(EIRC::WebSocket->connect(port(8080), '/header',
    subprotocols => [ $text ])->status(), 400, 'none anywhere');

$carol->quit();

$t->stop();

is(wait_for(0, 10, $dir), 0, 'nothing is left');
is(grep(/\Q$token\E/ && !/\[debug\]/, split /^/, $t->read_file('error.log')),
    0, 'the token is in no log line');

###############################################################################

sub scripted {
    my ($self, $c, $line) = @_;

    if ($line =~ /^CAP LS/) {
        $self->raw($c, ":irc CAP * LS * :batch sasl=PLAIN,EXTERNAL "
            . "echo-message sts=port=6697\r\n"
            . ":irc CAP * LS :sasl server-time\r\n");
        return 1;
    }

    if ($line eq 'NICK dave') {
        $self->raw($c, ":irc 433 * dave :in use\r\nPING :cookie\r\n");
        return 1;
    }

    if ($line =~ /^NICK (\S+)/) {
        $c->{nick} = $1;
        return 1;
    }

    if ($line eq 'CAP END') {
        $self->raw($c, ":irc 001 $c->{nick} :hello\r\n"
            . ":irc 422 $c->{nick} :no MOTD\r\n");
        return 1;
    }

    if ($line =~ /:after$/) {
        $self->raw($c, ":irc NOTICE $c->{nick} :heard\r\n");
        return 1;
    }

    if ($line =~ /:die$/) {
        $self->hangup($c);
        return 1;
    }

    return 1 if $line =~ /^(USER|PONG)/;
    return 0;
}


sub chat {
    my ($uri, $protocols, %user) = @_;

    return EIRC::WebSocket->connect(port(8080),
        "$uri?chat_token=" . token(%user), subprotocols => $protocols);
}

###############################################################################
