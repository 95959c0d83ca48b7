#!/usr/bin/perl

# Tests for irc-client on a terminal, which is one of tmux: talk both ways,
# keys, completion, marks of what is unread, scrollback, other sizes; what the
# network sends doesn't reach the terminal as it is; and the terminal is as
# before in the end.

use warnings;
use strict;
use utf8;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Client;
use EIRC::IRCServer;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::Terminal;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->has_daemon('tmux')->write_file('error.log', '')
    ->plan(68);

my $ircd = EIRC::InspIRCd->new($t, flood => 0)->start();

my $bob = EIRC::Client->new($ircd->port(), 'bob');
$bob->join('#one');
$bob->send('TOPIC #one :what this is about');

my $term = EIRC::Terminal->start($t, port => $ircd->port(),
    channels => 'one');

ok($term->expect(qr/^\d\d:\d\d -- alice \(alice\@\S+\) joined #one$/m),
    'joined');
ok($term->expect_row(0, qr/^#one: what this is about/), 'topic');
ok($term->expect_row(-2, qr/^alice 1:127\.0\.0\.1 \[2:#one\]/), 'status');
ok($term->expect(qr/-- in #one: (?:\@bob alice|alice \@bob)/), 'names');
is(title($term->pid()), 'irc-client: alice', 'title');

# talk

$bob->expect(qr/ JOIN /);
$bob->say('#one', 'hello there');
ok($term->expect(qr/^\d\d:\d\d <bob> hello there$/m), 'heard');
$term->enter('hello yourself');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #one :hello yourself$/), 'said');
ok($term->expect(qr/^\d\d:\d\d <alice> hello yourself$/m), '... and shown');
$term->enter('/me waves');
ok($bob->expect(qr/PRIVMSG #one :\x01ACTION waves\x01$/), '/me');
$term->enter('//me');
ok($bob->expect(qr/PRIVMSG #one :\/me$/), 'a slash that is said');
$term->enter('/nonsense');
ok($term->expect(qr/no such command: \/nonsense/), 'unknown command');

# characters of other widths

$term->enter("日本語 e\x{301}x ä");
ok($bob->expect(qr/ :\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e e\xcc\x81x \xc3\xa4$/),
    'wide characters said');
ok($term->expect(qr/<alice> 日本語 (?:e\x{301}|\x{e9})x ä$/m), '... and shown');
$bob->say('#one', "\xe6\x97\xa5" x 40);
ok($term->expect(qr/<bob> 日{34}\n {6}日{6}$/m), '... and cut into rows');

# what a terminal would obey

$bob->say('#one', "\e[2J\e]0;title\x07\xc2\x9b31mred\x0304,12 blue\x03 end");
ok($term->expect(qr/<bob> \[2J\]0;title31mred blue end$/m), 'no escapes');
ok($term->expect(qr/hello there/), '... obeyed');
$bob->say('#one', "a latin \xe4");
ok($term->expect(qr/<bob> a latin ä$/m), 'not UTF-8');

# keys

$term->type('world')->keys('Home')->type('hello ')->keys('C-e')->enter('!');
ok($bob->expect(qr/ :hello world!$/), 'Home, Ctrl-E');
$term->type('abc def')->keys(qw/ Left Left BSpace C-k /)->enter('X');
ok($bob->expect(qr/ :abc X$/), 'Left, Backspace, Ctrl-K');
$term->type('one two three')->keys('M-b', 'C-w')->keys('M-f')->enter('!');
ok($bob->expect(qr/ :one three!$/), 'Alt-B, Ctrl-W, Alt-F');
$term->type('nothing of this')->keys('C-u')->enter('this');
ok($bob->expect(qr/ :this$/), 'Ctrl-U');
$term->keys('Up', 'Up')->enter('!');
ok($bob->expect(qr/ :one three!!$/), 'Up');
$term->type('x' x 200)->keys('C-a', 'Right')->enter('y');
ok($bob->expect(qr/ :xyx{199}$/), 'a line longer than the screen');
$term->type('draft')->expect_row(-1, qr/^draft$/);
$term->keys('C-u', 'C-l');
ok($term->expect_row(-1, qr/^$/), 'Ctrl-L');

# completion

$term->type('BO')->keys('Tab')->enter('hey');
ok($bob->expect(qr/ :bob: hey$/), 'a nick, at the start');
$term->type('and b')->keys('Tab')->enter('again');
ok($bob->expect(qr/ :and bob again$/), '... and behind it');
$term->type('/to')->keys('Tab')->type('#o')->keys('Tab')->enter('new topic');
ok($term->expect(qr/-- #one You must be a channel op/),
    'a command and a channel');

# windows and marks

$term->keys('M-1');
ok($term->expect_row(-2, qr/\[1:127\.0\.0\.1\] 2:#one/), 'Alt-1');
ok($term->expect(qr/Welcome to the /), '... what the server said');
$bob->say('#one', 'just talk');
ok($term->expect_row(-2, qr/ 2:#one\(1\)/), 'unread');
$bob->say('#one', 'alice, are you there?');
ok($term->expect_row(-2, qr/ 2:#one\(2!\)/), '... and called');
$bob->say('alice', 'a private word');
ok($term->expect_row(-2, qr/ 3:bob\(1!\)/), 'a query');
$term->keys('M-a');
ok($term->expect_row(-2, qr/ \[[23]:/), 'Alt-a');
$term->keys('M-a');
ok($term->expect_row(-2, qr/1:\S+ (?:2:#one \[3:bob\]|\[2:#one\] 3:bob)/),
    '... twice: nothing unread');
$term->keys('M-3');
ok($term->expect_row(0, qr/^bob$/), 'the query');
$term->enter('an answer');
ok($bob->expect(qr/ PRIVMSG bob :an answer$/), '... answered');
$term->keys('C-p');
ok($term->expect_row(-2, qr/\[2:#one\]/), 'Ctrl-P');
$term->keys('C-n', 'C-n');
ok($term->expect_row(-2, qr/\[1:/), 'Ctrl-N');
$term->enter('to nobody');
ok($term->expect(qr/nobody is here/), 'the window of the server');
$term->enter('/window bob');
ok($term->expect_row(-2, qr/\[3:bob\]/), '/window');
$term->enter('/close');
ok($term->expect_row(-2, qr/^alice 1:\S+ \[2:#one\]$/), '/close');
$term->enter('/join two');
ok($term->expect_row(-2, qr/ \[3:#two\]/), '/join');
$term->enter('/whois bob');
ok($term->expect(qr/-- bob test .*\n(?:.*\n)*.*-- bob .*End of/i), '/whois');
$term->enter('/close');
ok($term->expect_row(-2, qr/ \[2:#one\]$/), '/close of a channel');
$term->enter('/nick alicia');
ok($term->expect_row(-2, qr/^alicia /), '/nick');

# other sizes

$term->resize(40, 12);
ok($term->expect_row(-2, qr/^alicia .*\[2:#one\]/), 'smaller');
$bob->say('#one', 'words ' x 10);
ok($term->expect(qr/<bob> (?:words ){3}words\n {6}(?:words ){4}words\n {6}words/),
    '... rows are cut there');
$term->resize(100, 30);
ok($term->expect_row(-2, qr/^alicia .*\[2:#one\]/), 'larger');
ok($term->expect(qr/<bob> (?:words ?){10}$/m), '... rows are whole again');
$term->resize(3, 2);
$term->resize(80, 24);
ok($term->expect_row(-2, qr/^alicia .*\[2:#one\]/), 'too small, and back');

# scrollback

$bob->say('#one', "line $_.") for 1 .. 60;
ok($term->expect_row(-3, qr/ line 60\.$/), 'the last of many lines');
$term->keys('PPage');
ok($term->expect_row(-3, qr/ line 40\.$/), 'PageUp');
ok($term->expect_row(-2, qr/ -- 20 more -- /), '... in the status');
$bob->say('#one', 'line 61.');
ok($term->expect_row(-2, qr/ -- 21 more -- /), '... stays');
$term->keys('NPage', 'NPage');
ok($term->expect_row(-3, qr/ line 61\.$/), 'PageDown');

# the end

$term->enter('/quit so long');
ok($bob->expect(qr/^:alicia!\S+ QUIT :(?:Quit: )?so long$/), '/quit');
is($term->status(), 0, '... exit status');
like($term->mode(), qr/ icanon .*(?:^| )echo /ms, '... the terminal as before');

# ended from outside; a locale that isn't UTF-8

$term = EIRC::Terminal->start($t, port => $ircd->port(), channels => 'one',
    env => 'LC_ALL=C');
$bob->expect(qr/^:alice!\S+ JOIN /);
$bob->say('#one', "\xe6\x97\xa5");
ok($term->expect(qr/<bob> 日$/m), 'another locale');
kill 'TERM', $term->pid();
is($term->status(), 0, 'SIGTERM');

$term = EIRC::Terminal->start($t, port => $ircd->port(), channels => 'one');
$bob->expect(qr/^:alice!\S+ JOIN /);
$term->keys('C-c');
is($term->status(), 0, 'Ctrl-C');
unlike($term->screen(), qr/irc-client:/, '... needs no words');

$term = EIRC::Terminal->start($t, port => $ircd->port(), channels => 'one');
$bob->expect(qr/^:alice!\S+ JOIN /);
$term->end();
ok($bob->expect(qr/^:alice!\S+ (?:PART|QUIT) /), 'the terminal goes');

# servers that are slow, go, or aren't there

my $irc = EIRC::IRCServer->new($t, port => 8081, slow => 0.3,
    on_line => sub {
        my ($server, $conn, $line) = @_;
        $server->hangup($conn) if $line =~ /bye now/;
        return 0;
    });
$t->run_daemon($irc->code());
$irc->wait();

$term = EIRC::Terminal->start($t, port => $irc->port());
$term->expect(qr/-- connecting to 127/);
$term->enter('/join early');
ok($irc->wait_for(qr/^JOIN #early$/, 5), 'typed too early');
$term->expect_row(-2, qr/ \[2:#early\]/);
$term->enter('bye now');
is($term->status(), 0, 'server gone');
like($term->screen(),
    qr/^irc-client: The connection to the IRC server was lost\.$/m,
    '... in words');

$term = EIRC::Terminal->start($t, port => Test::Nginx::port(8089));
is($term->status() . ($term->screen() =~ /^(irc-client: No IRC .*)$/m)[0],
    '1irc-client: No IRC server could be reached.', 'no server');
$term = EIRC::Terminal->start($t, port => $irc->port(), env => 'TERM=nothing');
is($term->status() . ($term->screen() =~ /^(Exception: .*)$/m)[0],
    '1Exception: No terminal: this kind of terminal is not known; see TERM',
    'no terminal that is known');

undef $term;
