#!/usr/bin/perl

# Tests for IRC servers on which something else than UTF-8 is spoken: the
# eirc_irc_charset directive, and irc-client standing alone.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Alone;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(34);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client      CLIENT processes=1;
    eirc_run_path    %%TESTDIR%%/run;
    eirc_flood       off;
    eirc_irc_charset koi8-r;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;

        location /koi8 {
            eirc_pass irc://127.0.0.1:8091;
        }

        location /out {
            eirc_irc_charset windows-1251 out=koi8-r;
            eirc_pass irc://127.0.0.1:8091;
        }

        location /recode {
            eirc_irc_charset iso-8859-1 recode;
            eirc_pass irc://127.0.0.1:8091;
        }

        location /usual {
            eirc_irc_charset windows-1252;
            eirc_pass irc://127.0.0.1:8091;
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
            return 200 '{"nick":"alice","realname":"\u0410\u043b\u0438\u0441\u0430 \u20ac",
                "channels":["\u0434\u043e\u043c"]}';
        }
    }
}

EOC

# "privet", and "dom": as UTF-8, and in sets of old

my $privet = "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82";
my $koi8 = "\xf0\xd2\xc9\xd7\xc5\xd4";
my $cp1251 = "\xcf\xf0\xe8\xe2\xe5\xf2";
my $dom = "\xd0\xb4\xd0\xbe\xd0\xbc";
my $dom_koi8 = "\xc4\xcf\xcd";

my $tokens = 0;
my $dir = $t->testdir();
my $server = EIRC::IRCServer->new($t, port => 8091, raw => {
    '!koi8' => said($koi8), '!cp1251' => said($cp1251), '!utf8' => said($privet),
    '!tags' => '@+a=' . $privet . ' ' . said($koi8),
    '!bad' => '@+a=' . $koi8 . ' ' . said($koi8),
    '!latin' => said("gr\xfc\xdfe"), '!long' => said("\xf0" x 8600),
    '!ping' => "PING :$koi8\r\n", '!euro' => said("\x80") });

$t->run_daemon($server->code());
$server->wait();
$t->run();
wait_until(5, sub { -S "$dir/run/sockets.0" });

# what isn't UTF-8 is in the set, the rest is not; UTF-8 goes out

my $ws = chat('/koi8');
is(registered(1), "USER alice 0 * :\xd0\x90\xd0\xbb\xd0\xb8\xd1\x81\xd0\xb0 "
    . "\xe2\x82\xac|JOIN #$dom", 'UTF-8 to the server');
is(heard('!koi8'), $privet, 'another set from it');
is(heard('!utf8'), $privet, 'and UTF-8');
is(length heard('!long'), 2 * int((8703 - 24) / 2), 'a line that grows is cut');

$ws->send_text("PRIVMSG #$dom :$privet");
is($server->wait_for(qr/^PRIVMSG #\Q$dom\E/, 5), "PRIVMSG #$dom :$privet",
    'as it is');
$ws->disconnect();

# out, too

$ws = chat('/out');
is(registered(2), "USER alice 0 * :\xe1\xcc\xc9\xd3\xc1 ?|JOIN #$dom_koi8",
    'names and channels, and what is not there');
is(heard('!cp1251'), $privet, 'in');
$ws->send_text("PRIVMSG x :$privet \xe2\x82\xac \xf0\x9f\x98\x80.");
is($server->wait_for(qr/^PRIVMSG x :\xf0/, 5), "PRIVMSG x :$koi8 ? ?.", 'out');
$ws->send_text("/users #$dom");
like($ws->expect(qr/^:client/), qr/not found/, 'a channel is what it is called');
$ws->disconnect();

# everything, both ways

$ws = chat('/recode');
is(registered(3), 'USER alice 0 * :????? ?|JOIN #???', 'to the server');
is(heard('!latin'), "gr\xc3\xbc\xc3\x9fe", 'from it');
is(heard('!utf8'), latin1($privet), 'also what looks like UTF-8');
$ws->send_text("PRIVMSG x :gr\xc3\xbc\xc3\x9fe!");
is($server->wait_for(qr/^PRIVMSG x :gr/, 5), "PRIVMSG x :gr\xfc\xdfe!", 'out');
$ws->send_text('PRIVMSG x :!ping');
ok($server->wait_for(qr/^PONG :\Q$koi8\E$/, 5), 'PONG has the bytes of PING');
$ws->disconnect();

# by name what it is without one

$ws = chat('/usual');
is(heard('!euro'), "\xe2\x82\xac", 'Windows-1252');
is(heard('!latin'), "gr\xc3\xbc\xc3\x9fe", 'as ever');
$ws->disconnect();

# tags are UTF-8, and bytes are bytes

$ws = chat('/recode', 'text.ircv3.net');
$ws->send_text('PRIVMSG x :!tags');
is($ws->expect(qr/ :bob/), "\@+a=$privet :bob!b\@h PRIVMSG alice :"
    . latin1($koi8), 'tags in');
$ws->send_text('PRIVMSG x :!bad');
is($ws->expect(qr/ :bob/), '@+a=' . latin1($koi8) . ' :bob!b@h PRIVMSG alice :'
    . latin1($koi8), 'that are none');
$ws->send_text("\@+b=$privet PRIVMSG x :\xc3\xbc");
is($server->wait_for(qr/^\@\+b/, 5), "\@+b=$privet PRIVMSG x :\xfc",
    'tags out');
$ws->disconnect();

$ws = chat('/recode', 'binary.ircv3.net');
$ws->send_binary('PRIVMSG x :!latin');
is($ws->expect(qr/^:bob/), ":bob!b\@h PRIVMSG alice :gr\xfc\xdfe", 'bytes in');
$ws->send_binary("PRIVMSG x :binary \xc3\xbc");
is($server->wait_for(qr/:binary/, 5), "PRIVMSG x :binary \xc3\xbc",
    'bytes out');
$ws->disconnect();

# standing alone

for (
    [ '--charset=koi9', 'Unknown set of characters: koi9' ],
    [ '--charset=', 'Unknown set of characters: ' ],
    [ '--charset-out=EUC-JP', 'Not a byte for each character, or not ASCII' ],
    [ '--recode', 'Missing required argument: --charset, with --recode' ])
{
    my ($arg, $words) = @$_;
    my $c = EIRC::Alone->start($t, connect => 0, args => [ alone(), $arg ]);

    is($c->wait_for_exit(), 1, $arg);
    like($c->errors(), qr/^Exception: \Q$words\E/, '... in words');
}

my $c = EIRC::Alone->start($t, tls => 1,
    args => [ alone(), '--charset=koi8-r', '--recode' ]);
$c->expect(qr/ 376 /);
$c->send('/input PRIVMSG x :!koi8');
is($c->expect(qr/^:bob/), ":bob!b\@h PRIVMSG alice :$privet", 'alone, in');
$c->send("/input PRIVMSG x :alone $privet");
is($server->wait_for(qr/:alone/, 5), "PRIVMSG x :alone $koi8", 'and out');

$c = EIRC::Alone->start($t, tls => 1,
    args => [ alone(), '--charset-out=windows-1251' ]);
$c->expect(qr/ 376 /);
$c->send('/input PRIVMSG x :!latin');
is($c->expect(qr/^:bob/), ":bob!b\@h PRIVMSG alice :gr\xc3\xbc\xc3\x9fe",
    'the usual set in');
$c->send("/input PRIVMSG x :alone1 $privet");
is($server->wait_for(qr/:alone1/, 5), "PRIVMSG x :alone1 $cp1251",
    'another one out');
$c->hang_up();

$t->stop();
is(wait_for(0, 10, "$dir/run"), 0, 'no process left behind');

###############################################################################

sub chat {
    my ($uri, $protocol) = @_;
    my $ws = EIRC::WebSocket->connect(port(8080), "$uri?chat_token=x" . ++$tokens,
        timeout => 5, subprotocols => $protocol ? [ $protocol ] : undef);

    $ws->send_frame(opcode => $protocol =~ /binary/ ? 2 : 1,
        payload => "NICK alice\nUSER alice 0 * :a") if $protocol;
    $ws->expect(qr/ 366 /);

    return $ws;
}


sub alone {
    return ('--nick=alice', '--server=127.0.0.1', '--port=' . $server->port(),
        "--listen=$dir", "--log=$dir");
}


# What a user is to the server.

sub registered {
    my ($id) = @_;

    $server->wait_for(qr/^JOIN/, 5, $id);

    return join '|', grep { /^(USER|JOIN)/ } $server->received($id);
}


sub said {
    my ($bytes) = @_;
    return ":bob!b\@h PRIVMSG alice :$bytes\r\n";
}


# What the browser hears when the server hears that word.

sub heard {
    my ($word) = @_;

    $ws->send_text("PRIVMSG x :$word");

    return ($ws->expect(qr/^:bob/) // '') =~ s/^:bob\S+ PRIVMSG alice ://r;
}


sub latin1 {
    my ($bytes) = @_;

    utf8::encode($bytes);

    return $bytes;
}

###############################################################################
