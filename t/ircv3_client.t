#!/usr/bin/perl

# Tests for a client of others: irc-framework, the library of web clients like
# The Lounge and Kiwi IRC, as npm has it, in a real browser over
# text.ircv3.net, on real InspIRCd.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Chromium;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix/)
    ->has_daemon('inspircd')->plan(37);

my $esbuild = "$FindBin::Bin/../src/web/node_modules/.bin/esbuild";

-x $esbuild && -d 'clients/node_modules/irc-framework'
    or BAIL_OUT('no packages from npm: ./build.sh test installs them');

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 2s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    types {
        text/html              html;
        application/javascript js;
    }

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location / {
            root %%TESTDIR%%/page;
        }

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $dir = $t->testdir();

mkdir("$dir/page");
$t->write_file('page/index.html', '<!DOCTYPE html><html lang="en"><head>'
    . '<meta charset="utf-8"><title>client</title>'
    . '<link rel="icon" href="data:,"></head><body>'
    . '<script src="ircv3.js"></script></body></html>');

# "global" and "stream" are Node's names for what a browser has otherwise:
# whoever uses the library in a page tells his bundler so

is(system($esbuild, 'clients/ircv3.js', '--bundle', '--platform=browser',
    '--define:global=window', '--inject:clients/globals.js',
    '--alias:stream=./clients/node_modules/stream-browserify',
    '--log-level=warning', "--outfile=$dir/page/ircv3.js"), 0, 'a bundle');

my $ircd = EIRC::InspIRCd->new($t,
    config => join "\n", map { "<module name=\"$_\">" }
        qw/ cap ircv3 ircv3_batch ircv3_capnotify ircv3_ctctags
        ircv3_echomessage ircv3_servertime namesx uhnames /)->start();

$t->run();

wait_until(5, sub { -S "$dir/run/sockets.0" });

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#room');

my $paul = EIRC::WebSocket->connect(port(8080), '/chat?chat_token='
    . token(nick => 'paul', channels => [ 'room' ]));
ok($paul->expect(qr/ 366 /), 'somebody on eIRC\'s own way');
$carol->expect(qr/^:paul\S* JOIN /);

my $browser = EIRC::Chromium->new();
my $page = $browser->page('http://127.0.0.1:' . port(8080) . '/');

# registration: the library says who it would like to be

$page->js(q{start({ nick: 'alice', realname: 'Alice A' },
    { nick: 'mallory', username: 'mallory', gecos: 'Mallory' })});

is(last_of('registered'), 'alice', 'the nick of the token');
is($page->js('client.user.nick'), 'alice', 'which the library knows');
is($page->js('client.connection.transport.socket.protocol'),
    'text.ircv3.net', 'the subprotocol');
is_deeply([ grep { /^(?:server-time|message-tags|batch|echo-message|
    multi-prefix|userhost-in-names|cap-notify)$/x }
    sort @{ $page->js('client.network.cap.enabled') } ],
    [ sort qw/ batch cap-notify echo-message message-tags multi-prefix
    server-time userhost-in-names / ], 'capabilities');
is($page->js('client.network.cap.negotiating'), JSON::PP::false,
    'negotiated to the end');
ok($page->until(q{client.network.options.CHANTYPES !== undefined
    && client.network.options.PREFIX.length > 0}), 'ISUPPORT');
ok($page->until(q{notes('pong').length > 0}), 'its PING has an answer');

$carol->send('WHOIS alice');
like($carol->expect(qr/ 311 /), qr/ 311 carol alice alice \S+ \* :Alice A/,
    'and the name of the token');

# joining

$page->js(q{client.join('#room')});

is(first($page, q{notes('join').find((s) => s.startsWith('alice '))}),
    'alice #room', 'joins');
like($carol->expect(qr/ JOIN /), qr/^:alice!\S+ JOIN :?#room/,
    'in everybody\'s eyes');
is(last_of('userlist'), '#room alice,ocarol,paul', 'who is there, and what');
ok($paul->expect(qr/^:alice!\S+ JOIN :?#room$/),
    'the page sees her, without tags');

# talking

$carol->say('#room', "gr\xc3\xbc\xc3\x9fe");
is(first($page, q{notes('privmsg').find((s) => s.startsWith('carol '))}),
    "carol #room timed gr\x{fc}\x{df}e", 'hears, and when it was');

$paul->send_text('/input PRIVMSG #room :hello alice');
is(first($page, q{notes('privmsg').find((s) => s.startsWith('paul '))}),
    'paul #room timed hello alice', 'hears the page');
is(message_of($carol, 'paul'), 'hello alice', 'as does carol');

$page->js(q{client.say('#room', 'hello \u{1f642} everybody')});
is(message_of($carol, 'alice'), "hello \xf0\x9f\x99\x82 everybody", 'speaks');
like($paul->expect(qr/^:alice\S+ PRIVMSG /), qr/ PRIVMSG #room :hello \S+ /,
    'to the page, too');
is(first($page, q{notes('privmsg').find((s) => s.startsWith('alice '))}),
    "alice #room timed hello \x{1f642} everybody", 'and hears the echo');

$carol->send("PRIVMSG alice :\x01ACTION waves\x01");
is(last_of('action'), 'carol alice timed waves', 'an action');

$page->js(q{client.action('carol', 'waves back')});
like($carol->expect(qr/ PRIVMSG carol /),
    qr/^:alice!\S+ PRIVMSG carol :\x01ACTION waves back\x01/, 'both ways');

$page->js(q{client.tagmsg('#room', { '+draft/react': 'a;b c' })});
is(last_of('tagmsg'), 'alice #room "a;b c"', 'tags of a client, escaped');

# a message that the library cuts in pieces, faster than flood control likes

$page->js(q{client.say('#room', 'word '.repeat(400).trim())});

my ($words, $pieces) = (0, 0);

while ($words < 400) {
    my $text = message_of($carol, 'alice', 30) // last;

    $words += () = $text =~ /word/g;
    $pieces++;
}

is($words, 400, 'every word of a long message');
ok($pieces > 5, "in $pieces lines");

$page->js(q{client.changeNick('alicia')});
is(last_of('nick'), 'alice alicia', 'another nick');

# a reload: the library comes back by itself, if only it has been there long
# enough, which the clock says

$page->js(q{Date.now = ((now) => () => now() + 6000)(Date.now), true});
$page->js(q{Math.random = () => 0, true});
$t->reload();

is(last_of('closed'), 'alicia', 'a reload closes');
ok($carol->expect(qr/^:alicia!\S+ QUIT /, 10), 'she leaves');
is(last_of('reconnecting'), '1', 'the library comes back');
ok($page->until(q{notes('registered').length === 2}), 'and registers');
is(last_of('registered'), 'alice', 'by the nick of its token');

$page->js(q{client.join('#room')});
ok($carol->expect(qr/^:alice!\S+ JOIN :?#room/), 'joins again');
$page->js(q{client.say('#room', 'back again')});
is(message_of($carol, 'alice'), 'back again', 'and speaks');

# leaving

$page->js(q{client.quit('so long')});
like($carol->expect(qr/^:alice!\S+ QUIT /), qr/QUIT :.*so long/, 'leaves');
ok($page->until(q{notes('over').length === 1}), 'for good');

is(join("\n", $page->problems()), '', 'nothing in the console');

$browser->stop();
$carol->quit();
$paul->disconnect();
$t->stop();

is(wait_for(0, 10, $dir), 0, 'nothing is left');

###############################################################################

# The last event of a kind, as soon as there is one.

sub last_of {
    my ($kind) = @_;

    return first($page, "notes('$kind').at(-1)");
}


sub first {
    my ($where, $expression) = @_;
    my $value = $where->until($expression);

    return $value if defined $value;

    diag("no $expression:\n", join "\n",
        @{ $where->js(q{notes('in').concat(notes('out')).slice(-40)}) });

    return undef;
}


# What somebody says to a channel next.

sub message_of {
    my ($who, $nick, $timeout) = @_;
    my $line = $who->expect(qr/^:\Q$nick\E!\S+ PRIVMSG #/, $timeout // 5);

    return defined $line ? $line =~ s/^\S+ \S+ \S+ :?//r : undef;
}

###############################################################################
