#!/usr/bin/perl

# Tests for irc-client standing alone: command line, the order of things, what
# the IRC server hears, what the commands answer, how it ends. The IRC server
# is a scripted one.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Alone;
use EIRC::IRCServer;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(82);
my $dir = $t->testdir();

my $irc = EIRC::IRCServer->new($t, port => 8081, raw => {
    '!tags' => "\@time=x;a=b :bob!b\@h PRIVMSG alice :tagged\x0d\x0a",
    '!latin' => ":bob!b\@h PRIVMSG alice :caf\xe9 \x80\x0d\x0a",
    '!nul' => ":bob!b\@h PRIVMSG alice :a\0b\x0dc\x0d\x0a",
    '!client' => ":client channels :#forged\x0d\x0a:CLIENT x\x0d\x0a"
        . ":client!u\@h PRIVMSG alice :a nick\x0d\x0a",
    '!half' => ":bob!b\@h PRIVMSG alice :no end",
    '!long' => ':bob!b@h PRIVMSG alice :' . ('x' x 9000) . "\x0d\x0a",
    '!lf' => ":bob!b\@h PRIVMSG alice :bare\x0a",
    '!empty' => "\x0d\x0a\x0d\x0a:\x0d\x0a:x\x0d\x0a",
    '!ping' => "PING :a b\x0d\x0aPING cookie\x0d\x0a",
    '!names' => ":s 353 alice = #one :\@op +v a\x0d\x0a"
        . ":s 353 alice = #one :b alice\x0d\x0a"
        . ":s 366 alice #one :End\x0d\x0a",
});
$t->run_daemon($irc->code());

my $nomotd = EIRC::IRCServer->new($t, port => 8082, nomotd => 1,
    nicks_in_use => [ qw/ alice alice_ alice__ / ]);
$t->run_daemon($nomotd->code());

my $banned = EIRC::IRCServer->new($t, port => 8083,
    refuse => 'Closing link: [You are banned (K-Lined)]');
$t->run_daemon($banned->code());

my $lost = EIRC::IRCServer->new($t, port => 8084, on_line => sub {
    my ($server, $conn, $line) = @_;
    $server->hangup($conn) if $line =~ /bye now/;
    return 0;
});
$t->run_daemon($lost->code());

$_->wait() for $irc, $nomotd, $banned, $lost;

# command line

my @whole = ('--nick=a', '--server=127.0.0.1', '--port=' . $irc->port(),
    "--listen=$dir", "--log=$dir", '--instance=x');

for my $case (
    [ 'nick', qr/^Exception: Missing required argument: --nick$/ ],
    [ 'server', qr/^Exception: Missing required argument: --server$/ ],
    [ 'port', qr/^Exception: Missing required argument: --port$/ ],
    [ 'listen', qr/^Exception: Missing required argument: --listen/ ])
{
    my ($name, $re) = @$case;
    my $c = EIRC::Alone->start($t, connect => 0,
        args => [ grep { !/^--$name=/ } @whole ]);

    is($c->wait_for_exit(), 1, "without --$name");
    like($c->errors(), $re, '... in words');
}

for my $bad ('--port=x', '--port=0', '--port=65536', '--port=66x', '--nick=',
    '--nick=a b', '--channels=a b', '--instance=../x', "--realname=a\nb")
{
    my $c = EIRC::Alone->start($t, connect => 0, args => [ @whole, $bad ]);
    is($c->wait_for_exit(), 1, "bad $bad" =~ s/\n/\\n/r);
}

my $any = EIRC::Alone->start($t, connect => 0, args =>
    [ (grep { !/^--instance/ } @whole), '--unknown=1', 'more' ]);
ok(wait_until(5, sub { grep { m!/irc-client-[0-9a-f]{32}\.sock$! }
    glob "$dir/*.sock" }), 'an instance of its own');
kill 'TERM', $any->pid();
is($any->wait_for_exit(), 0, 'SIGTERM before anybody connects');
is(scalar(() = glob "$dir/*.sock"), 0, '... takes its socket along');

# nothing is said to IRC before somebody listens

my $c = EIRC::Alone->start($t, port => $irc->port(), realname => 'Al Ice',
    channels => 'one,#two,,one', connect => 0);

ok(wait_until(5, sub { -S $c->path() }), 'socket');
is((stat $c->path())[2] & 0777, 0700, '... for nobody else');
is($irc->connections(), 0, 'IRC server not connected');

$c->connect();

is($c->expect(qr/ 366 \S+ #two/), ':irc.scripted 366 alice #two :End of /NAMES'
    . ' list.', 'joined');
is(join('|', ($irc->received(1))[0 .. 3]),
    'CAP LS 302|NICK alice|USER AlIce 0 * :Al Ice|CAP END', 'registration');
is(($irc->received(1))[4], 'JOIN #one,#two', 'channels behind the MOTD');
is(scalar(grep { /^:irc\.scripted 376 alice :End of \/MOTD\.$/ } $c->lines()),
    1, 'lines as they are');
is(title($c->pid()), 'irc-client: alice', 'title');

# commands

is(ask('/channels'), ':client channels :#one, #two', '/channels');
is(ask('/users #one'), ':client users #one :alice', '/users');
is(ask('/users two'), ':client users #two :alice', '/users without #');
is(ask('/users #none'),
    ':client error :channel #none not found or no users.', 'no such channel');
is(ask('/users'), ':client error :No channel specified.', 'no channel');
is(ask('/users '), ':client error :No channel specified.', 'only a space');
is(ask('/foo bar'), ':client error :Unrecognized command: "/foo bar"',
    'unknown command');
is(ask('hello'), ':client error :Unrecognized command: "hello"',
    'no command');
is(ask('/inputx'), ':client error :Unrecognized command: "/inputx"',
    'almost a command');
is(ask('/' . 'x' x 2000),
    ':client error :Unrecognized command: "/' . 'x' x 399 . '"',
    'long unknown command');

$c->send('/input PRIVMSG x :!names');
$c->expect(qr/ 366 /);
is(ask('/users one'), ':client users one :@op, +v, a, b, alice'
    =~ s/users one/users #one/r, 'names of two lines');

# lines to IRC

is(heard("/input PRIVMSG #one :a line\n"), 'PRIVMSG #one :a line', '/input');
is(heard("/input PRIVMSG #one :with CR\r\n"), 'PRIVMSG #one :with CR', 'CR LF');
is(heard("/input PRIVMSG #one :x\r/input QUI\n"), 'PRIVMSG #one :x',
    'CR in a line ends it');
ok($irc->wait_for(qr/^QUI$/, 5), '... and what is behind it is another one');
$c->expect(qr/ 421 /);
is(heard('/input WHOIS ' . 'z' x 600 . "\n"), 'WHOIS ' . 'z' x 504,
    'long line is cut at 510');
is(heard('/input WHOIS ' . 'z' x 503 . "\xc3\xa4\n"), 'WHOIS ' . 'z' x 503,
    '... between two characters');
is(heard("/input \@a=b PRIVMSG #one :tags\n"), 'PRIVMSG #one :tags',
    'no tags');

$c->send_raw('/input PRIVMSG #one :ha');
$c->send_raw("lf a line\n/input PRIVMSG #one :second\n/channels\n");
is($irc->wait_for(qr/half a line/, 5), 'PRIVMSG #one :half a line',
    'a line in two pieces');
is($irc->wait_for(qr/second/, 5), 'PRIVMSG #one :second',
    'two lines in one piece');
$c->expect(qr/client channels/);

$c->send("/input CAP REQ :echo-message", '/input pass x', '/input USER a b c d');
is($c->expect(qr/client error/), ':client error :CAP is not for you to say.',
    'no CAP');
is($c->expect(qr/client error/), ':client error :pass is not for you to say.',
    'no PASS');
$c->expect(qr/client error/);
is(ask("/input a\0b"), ":client error :A line can't hold NUL.", 'no NUL');
is(ask('/input :'), ':client error :That is no IRC line.', 'no IRC line');

$c->send_raw('x' x 20000 . "\n/channels\n");
is($c->expect(qr/./), ':client channels :#one, #two', 'a line of 20,000');

# lines from IRC

is(said('!tags'), ':bob!b@h PRIVMSG alice :tagged', 'without tags');
is(said('!latin'), ":bob!b\@h PRIVMSG alice :caf\xc3\xa9 \xe2\x82\xac",
    'Windows-1252 becomes UTF-8');
is(said('!nul'), ':bob!b@h PRIVMSG alice :abc', 'without NUL and CR');
is(said('!client'), ':client!u@h PRIVMSG alice :a nick',
    'nobody speaks as client');
is(said('!lf'), ':bob!b@h PRIVMSG alice :bare', 'LF alone');
like(said('!long'), qr/^:bob!b\@h PRIVMSG alice :x{8679}$/, 'too long a line');

$c->send('/input PRIVMSG x :!half', '/input PRIVMSG x :!lf');
is($c->expect(qr/./), ':bob!b@h PRIVMSG alice :no end:bob!b@h PRIVMSG alice '
    . ':bare', 'after half a line');

$c->send('/input PRIVMSG x :!empty');
is(said('!lf'), ':bob!b@h PRIVMSG alice :bare', 'lines that are none');

is(said('!ping'), 'PING :a b', 'PING is shown');
ok($irc->wait_for(qr/^PONG :a b$/, 5), '... and answered');
ok($irc->wait_for(qr/^PONG :cookie$/, 5), '... without a colon, too');

# the end

$c->send('/quit', '/channels');
is(join('|', grep { !/PING|PRIVMSG/ } @{ $c->rest() }), join('|',
    ':alice!AlIce@127.0.0.1 PART #one', ':alice!AlIce@127.0.0.1 PART #two',
    'ERROR :Closing link: eIRC ( https://github.com/jesse-greathouse/eIRC )',
    'Disconnected.'), '/quit');
is($c->wait_for_exit(), 0, 'exit code');
is(join('|', ($irc->received(1))[-3 .. -1]), 'PART #one :Bye bye|'
    . 'PART #two :Bye bye|'
    . 'QUIT :eIRC ( https://github.com/jesse-greathouse/eIRC )',
    'PART and QUIT');
ok(!-e $c->path(), 'no socket left');

$c = EIRC::Alone->start($t, port => $irc->port());
$c->expect(qr/ 376 /);
is(ask('/channels'), ':client channels: ', 'no channels');
$c->hang_up();
is($c->wait_for_exit(), 0, 'program gone');
ok($irc->wait_for(qr/^QUIT :eIRC/, 5, 2), '... QUIT');

# nicks in use, no MOTD

$c = EIRC::Alone->start($t, port => $nomotd->port(), channels => 'x');
is($c->expect(qr/ 376 /), ':irc.scripted 376 alice1 :End of message of the'
    . ' day.', 'no MOTD: a 376 all the same');
ok((grep { / 422 alice1 / } $c->lines()), '... behind 422');
ok($nomotd->wait_for(qr/^JOIN #x$/, 5), '... and JOIN');
is(title($c->pid()), 'irc-client: alice1', 'title of another nick');
undef $c;

# refused, lost, not there

$c = EIRC::Alone->start($t, port => $banned->port());
is(join('|', @{ $c->rest() }), 'ERROR :Closing link: [You are banned'
    . ' (K-Lined)]|:client error :The IRC server does not take this user.'
    . '|Disconnected.', 'banned');
is($c->wait_for_exit(), 0, '... exit code');

$c = EIRC::Alone->start($t, port => $lost->port());
$c->expect(qr/ 376 /);
$c->send('/input PRIVMSG x :bye now');
is(join('|', @{ $c->rest() }), ':client error :The connection to the IRC'
    . ' server was lost.|Disconnected.', 'lost');
is($c->wait_for_exit(), 0, '... exit code');
like($c->log(), qr/\[info\].*connection to IRC server lost/, '... in the log');

$c = EIRC::Alone->start($t, port => Test::Nginx::port(8089));
is(join('|', @{ $c->rest() }), ':client error :No IRC server could be'
    . ' reached.|Disconnected.', 'not there');
is($c->wait_for_exit(), 1, '... exit code');


# the answer to one line

sub ask {
    my ($line) = @_;

    $c->send($line);

    return $c->expect(qr/./);
}


# the first line that the server heard of these bytes

sub heard {
    my ($bytes) = @_;
    my $n = $irc->received(1);

    $c->send_raw($bytes);
    wait_until(5, sub { $irc->received(1) > $n });

    return ($irc->received(1))[$n];
}


# what the server says when it hears that word

sub said {
    my ($word) = @_;

    $c->send("/input PRIVMSG x :$word");

    return $c->expect(qr/./);
}
