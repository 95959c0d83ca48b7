#!/usr/bin/perl

# The page in a real browser, over a network that breaks: whatever is said
# meanwhile arrives, on both sides, and once; and the reader is told what
# can't be so.

use warnings;
use strict;
use utf8;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use Cwd qw/ abs_path /;

use lib 'lib';
use Test::Nginx;
use EIRC::Chromium;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Network;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix/)->has_daemon('inspircd')
    ->plan(108);
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

    types {
        text/html               html;
        text/css                css;
        application/javascript  js;
        image/svg+xml           svg;
    }

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;
    eirc_rate     off;
    eirc_flood    off;
    eirc_linger   300s;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location / {
            root %%TESTDIR%%/web;
        }

        location = /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location = /token {
            eirc_token_issue on;
        }

        location /small/ {
            alias %%TESTDIR%%/web/;
        }

        location = /small/chat {
            eirc_pass   irc://127.0.0.1:8090;
            eirc_replay 4k;
        }

        location = /small/token {
            eirc_token_issue on;
        }

        location /short/ {
            alias %%TESTDIR%%/web/;
        }

        location = /short/chat {
            eirc_pass   irc://127.0.0.1:8090;
            eirc_linger 1s;
        }

        location = /short/token {
            eirc_token_issue on;
        }
    }
}

EOC

system('cp', '-r', abs_path('../objs/web'), "$dir/web") == 0
    or die 'the page is not built';

my $ircd = EIRC::InspIRCd->new($t, flood => 0, recvq => '1M')
    ->start();

$t->run();

my $network = EIRC::Network->new(port(8080));
my $browser = EIRC::Chromium->new();
my $url = 'http://127.0.0.1:' . $network->port();

diag($browser->{version});

$t->write_file('web/other.html', q{<link rel="icon" href="data:,">});

my $heard = 0;
my $bob = EIRC::Client->new($ircd->port(), 'bob', timeout => 60);
$bob->join('#lobby');

my $alice = $browser->page("$url/");

come_in($alice, 'alice');
ok($alice->until(q{connected() && members() === '@bob alice'}),
    'alice is there') or die $alice->js('document.body.innerText');
ok($bob->expect(qr/^:alice!\S+ JOIN/), 'bob sees her come');

# the network is away

say_and_hear($alice, 'before');
$network->cut();
ok($alice->until('!connected()'), 'the network is cut');
$bob->say('#lobby', "missed $_") for 1 .. 3;
$alice->say("typed $_") for 1 .. 3;
is($alice->js('delivery("typed 1")'), 'pending', 'what is typed waits');
like($alice->until('banner()'), qr/could not be reached.*Reconnecting/,
    'the banner says why');
is($alice->js('members()'), '@bob alice', 'she sees who is there');
$network->mend();
$alice->click('.banner button');
ok($alice->until('connected()'), 'it is mended: she is back');
ok($alice->until('banner() === ""'), 'and the banner gone');
ok($alice->until('said("bob").includes("missed 3")'), 'she reads on');
is($alice->js('said("bob").join()'), 'missed 1,missed 2,missed 3',
    'each line once, in order');
is(heard_by_bob('typed 3'), 'typed 1,typed 2,typed 3', 'and so does bob');
ok($alice->until('delivery("typed 3") === "done"'), 'nothing waits');
is($alice->js(q{texts('.event').join()}), 'You joined #lobby.',
    'nothing else is to be seen of it');

# on its way when the network breaks: from her

$network->deafen();
$alice->say('swallowed');
cmp_ok($network->lost(), '>', 0, 'a message is lost on its way');
$network->cut();
mend($alice);
is(heard_by_bob('swallowed'), 'swallowed', 'it is sent again');
say_and_hear($alice, 'behind it');

# and to her, who can't know that hers has arrived

$network->mute();
$alice->say('has arrived');
is(heard_by_bob('has arrived'), 'has arrived', 'a message arrives');
$bob->say('#lobby', 'not heard');
$network->cut();
mend($alice);
ok($alice->until('said("bob").includes("not heard")'),
    'what came meanwhile does so later');
say_and_hear($alice, 'and once');
is($alice->js('said("bob").filter((t) => t === "not heard").length'), 1,
    'it came once');

# nginx

my $key = $alice->js('ticket()');

$t->reload();
$bob->say('#lobby', 'during a reload');
ok($alice->until('said("bob").includes("during a reload")'),
    'nginx is reloaded');
ok($alice->until('connected() && ticket() !== ' . quote($key)),
    'and she has come back');
say_and_hear($alice, 'after the reload');

kill('KILL', workers($t));
$bob->say('#lobby', 'after the kill');
ok($alice->until('said("bob").includes("after the kill")'),
    'the workers of nginx are killed');
say_and_hear($alice, 'still here');

# a connection that is dead and looks alive

$network->kill();
$alice->say('into the void');
cmp_ok($network->lost(), '>', 0, 'a message goes nowhere');
$bob->say('#lobby', 'is anybody there?');
ok($alice->until('said("bob").includes("is anybody there?")', 120),
    'the page finds out');
is(heard_by_bob('into the void'), 'into the void', 'and sends it again');

# loaded anew, with something unsaid

is($alice->js(q{texts('.event').join()}), 'You joined #lobby.',
    'still nothing to be seen');
$network->cut();
$alice->until('!connected()');
$alice->say('before F5');
$alice->reload();
look($alice);
is($alice->until('delivery("before F5")'), 'pending',
    'loaded anew, the page knows what is to be sent');
mend($alice);
ok($alice->until(q{connected() && members() === '@bob alice'}),
    'it is in the session again');
is(heard_by_bob('before F5'), 'before F5', 'and sends it');
ok($alice->until('delivery("before F5") === "done"'), 'which it shows');
$alice->reload();
look($alice);
ok($alice->until(q{connected() && members() === '@bob alice'}),
    'loaded anew while connected');
say_and_hear($alice, 'after F5');

# all that was said is still there, with its times, and nothing comes twice

$bob->send('TOPIC #lobby :About words');
ok($alice->until('one(".topic") === "About words"'), 'there is a topic');
$bob->say('#lobby', 'words of bob');
ok($alice->until('said("bob").includes("words of bob")'), 'she hears bob');
$alice->fill('#composer', 'half a sen');

foreach my $nth ('first', 'second') {
    say_and_hear($alice, "her own words, $nth") if $nth eq 'second';

    my $shown = $alice->js('shown()');

    cmp_ok($alice->js('said("alice").length'), '>', 8, "$nth F5: own words");
    $alice->reload();
    look($alice);
    is($alice->js('shown()'), $shown, 'all is shown as before');
    is($alice->js('members()'), '@bob alice', 'and who is there');
    is($alice->js('one(".topic")'), 'About words', 'and the topic');
    is($alice->js('document.querySelector("#composer").value'),
        $nth eq 'first' ? 'half a sen' : '', 'and what was being typed');
    ok($alice->until('connected()'), 'it is in the session again');

    # said while the page was there, or gone: it comes behind

    $bob->say('#lobby', "behind, $nth");
    ok($alice->until('said("bob").includes(' . quote("behind, $nth") . ')'),
        'bob goes on');
    away_from($alice);
    $bob->say('#lobby', "between pages, $nth");
    back_to($alice, "$url/");
    ok($alice->until('said("bob").includes('
        . quote("between pages, $nth") . ')'),
        'what bob says between two pages comes');
    is($alice->js('shown(-2)'), $shown, 'behind all the rest');
    is($alice->js('texts().slice(-2).join()'),
        "behind, $nth,between pages, $nth", 'and once');
}

# kept by a page that is not like this one

away_from($alice);
$alice->js(q{sessionStorage.setItem('eirc.session', sessionStorage.getItem(
    'eirc.session').replace('"version":1', '"version":0'))});
back_to($alice, "$url/");
ok($alice->until(q{connected() && members() === '@bob alice'}),
    'another version: the session goes on');
ok(!$alice->js('said("alice").includes("before")'),
    'but what was kept is not shown');

# a duplicate of the tab

my $kept = $alice->js('sessionStorage.getItem("eirc.session")');
my $second = $browser->page("$url/", $alice);

$second->js('sessionStorage.setItem("eirc.session", ' . quote($kept) . ')');
$second->reload();
look($second);
ok($second->until(q{connected() && members() === '@bob alice'}),
    'a duplicate takes the session');
like($alice->until('banner()'), qr/opened somewhere else/,
    'the first one is told');
say_and_hear($second, 'from the duplicate');
is($alice->js('state()'), 'Disconnected', 'and stays away');
$alice->click('.banner button');
ok($alice->until(q{connected()}), 'until it is wanted there');
like($second->until('banner()'), qr/opened somewhere else/,
    'then it is the other one that is told');
say_and_hear($alice, 'from the first');
ok($alice->until(q{said('alice').includes('from the first')}),
    'where it is shown');

is((grep { /^:alice!\S+ (?:QUIT|PART|NICK|JOIN)/ } $bob->lines()), 1,
    'on IRC nobody saw her go or come');

# leaving

$network->cut();
$alice->until('!connected()');
$alice->say('unsaid');
$alice->say('/quit');
ok($alice->until(q{texts('.error').some((t) => t.startsWith('Not sent'))}),
    'who leaves with words unsaid is asked');
mend($alice);
is(heard_by_bob('unsaid'), 'unsaid', 'they are sent');
$alice->say('/quit');
is($alice->until('problem()'), 'You left the chat.', 'and she leaves');
ok($bob->expect(qr/^:alice!\S+ (?:PART|QUIT)/), 'bob sees her go');
is($alice->js('sessionStorage.length'), 0, 'nothing is kept');
$alice->reload();
look($alice);
is($alice->until('document.querySelector("#nick")?.value'), 'alice',
    'there is nothing to go back to');

# more was said than is kept

my $carol = $browser->page("$url/small/");

come_in($carol, 'carol');
ok($carol->until(q{connected() && members() === '@bob carol'}),
    'a small ring') or diag($carol->js('document.body.innerText'));
$bob->say('#lobby', 'heard');
$carol->until('said("bob").includes("heard")');
$network->cut();
$carol->until('!connected()');
$carol->say('across the gap');
$bob->say('#lobby', "line $_ " . 'x' x 300) for 1 .. 150;
my $dora = EIRC::Client->new($ircd->port(), 'dora', timeout => 60);
$dora->join('#lobby');

# what her process has not read yet would come live

ok(wait_until(60, sub { all_read($ircd->port()) }), 'it is all said');
mend($carol);
ok($carol->until(q{texts('.event').includes(
    'Some lines may be missing here.')}), 'a gap: she is told');
ok($carol->until(q{connected() && members() === '@bob carol dora'}),
    'and knows who is there');
is(heard_by_bob('across the gap'), 'across the gap', 'hers has arrived');
is($carol->js(q{texts('.event').filter((t) =>
    /joined|lost/i.test(t)).join()}), 'You joined #lobby.',
    'it is the same session');
say_and_hear($carol, 'and on it goes');

# and between two pages

my $shown = $carol->js('shown()');
my $entries = $carol->js('all(".entry").length');

away_from($carol);
$bob->say('#lobby', "more $_ " . 'x' x 300) for 1 .. 150;
$dora->send('PART #lobby');
$bob->expect(qr/^:dora!\S+ PART/);
ok(wait_until(60, sub { all_read($ircd->port()) }), 'it is all said');
back_to($carol, "$url/small/");
ok($carol->until(q{connected() && members() === '@bob carol'}),
    'loaded anew behind a gap, the page knows who is there');
is($carol->js("shown($entries)"), $shown,
    'what was said before is still shown');
is($carol->js("texts()[$entries]"), 'Some lines may be missing here.',
    'and that something is missing');
say_and_hear($carol, 'and on it goes again');

# the session is over

my $erin = $browser->page("$url/short/");

come_in($erin, 'erin');
ok($erin->until(q{connected() && members().includes('erin')}),
    'one who is not waited for');
$network->deafen();
$erin->say('in doubt');
cmp_ok($network->lost(), '>', 0, 'a message is lost');
$network->cut();
$erin->until('!connected()');
$erin->say('in the queue');
ok($bob->expect(qr/^:erin!\S+ (?:PART|QUIT)/), 'the session ends');
mend($erin);
is(heard_by_bob('in the queue'), 'in the queue',
    'a new one begins, and what waited is sent');
ok($erin->until(q{texts('.event').includes('Connection lost.')}),
    'she is told');
is($erin->js('delivery("in doubt")'), 'doubtful',
    'what may have arrived is marked');
$erin->click('.entry[data-delivery="doubtful"] .again');
is(heard_by_bob('in doubt'), 'in doubt', 'and sent if she likes');
is($erin->js('delivery("in doubt")'), 'done', 'then it looks like that');

# the IRC server

$ircd->stop();
like($erin->until('banner()'), qr/IRC server.* Next try in|Trying now/,
    'the IRC server is gone: the banner says so');
is($erin->js('state()'), 'IRC server away', 'and the state');
$ircd->start();
ok($erin->until('connected() && banner() === ""'),
    'it is there again');
ok($erin->until(q{members().includes('erin')}), 'and she is in her channel');

is(join("\n", grep { !/WebSocket connection to/ } map { $_->problems() }
    $alice, $second, $carol, $erin), '', 'the consoles are silent');

# those who are left are not waited for

foreach my $page ($carol, $erin) {
    $page->say('/quit');
    $page->until('problem()');
}

ok($browser->stop(), 'the browser ends');
$network->stop();

# killed workers of nginx are what nginx calls an alert

$t->stop();
my $log = $t->read_file('error.log');
$log =~ s/^.*\[alert\].*exited on signal 9$//gm;
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'nothing alarming in the log');
$t->write_file('error.log', $log);

is(wait_for(0, 60, $dir), 0, 'no process left behind');


sub come_in {
    my ($page, $nick) = @_;

    look($page);
    $page->fill('#nick', $nick);
    $page->press('Enter');
}


# The functions that the questions above are asked with.

sub look {
    my ($page) = @_;

    $page->js(<<'EOF');
Object.assign(window, {
    all: (selector) => [...document.querySelectorAll(selector)],
    one: (selector) => document.querySelector(selector)?.textContent ?? '',
    state: () => one('.me-state'),
    connected: () => state() === 'Connected',
    problem: () => one('.login .problem'),
    banner: () => {
        const banner = document.querySelector('.banner');

        return banner === null || banner.hidden ? '' : banner.textContent;
    },
    members: () => all('.members .member').map((e) =>
        e.querySelector('.prefix').textContent
        + e.querySelector('.label').textContent).join(' '),
    texts: (kind = '') => all(`.entry${kind} .text`).map(
        (e) => e.textContent),
    said: (nick) => all('.entry.message').filter(
        (e) => e.querySelector('.nick').textContent === nick).map(
        (e) => e.querySelector('.text').textContent),
    delivery: (text) => all('.entry.own').filter((e) =>
        e.querySelector('.text').textContent === text).map(
        (e) => e.dataset.delivery).join(),
    shown: (end) => JSON.stringify(all('.entry').slice(0, end).map((e) => [
        e.className, e.textContent, e.querySelector('time').dateTime,
    ])),
    ticket: () => JSON.parse(
        sessionStorage.getItem('eirc.session'))?.pack.ticket?.key,
});
0
EOF
}


# Its tab shows another page: this one has kept what it keeps.

sub away_from {
    my ($page) = @_;

    $page->load('Page.navigate', { url => "$url/other.html" });
    ok(wait_until(60, sub { $page->js(
        q{sessionStorage.getItem('eirc.session').includes('"heard"')}) }),
        'another page');
}


sub back_to {
    my ($page, $to) = @_;

    $page->load('Page.navigate', { url => $to });
    look($page);
}


# What bob has heard from anybody up to that text since this was asked last:
# whatever came twice is in it.

sub heard_by_bob {
    my ($text) = @_;

    my $from = $heard;

    $bob->expect(qr/ PRIVMSG #lobby :\Q$text\E$/, 60);

    my @lines = $bob->lines();

    $heard = @lines;

    return join(',', map { / PRIVMSG #lobby :(.*)$/ ? $1 : () }
        @lines[$from .. $#lines]);
}


sub say_and_hear {
    my ($page, $text) = @_;

    $page->say($text);
    is(heard_by_bob($text), $text, "bob hears: $text");
}


# The network is there again, and the browser says so to the page.

sub mend {
    my ($page) = @_;

    $network->mend();
    $page->js('window.dispatchEvent(new Event("online"))');
}


# Nothing waits in a connection to that port, on either side.

sub all_read {
    my ($port) = @_;

    my $hex = sprintf('%04X', $port);

    open(my $f, '<', '/proc/net/tcp') or die "/proc/net/tcp: $!";

    # local and remote address, state (01: established), queues

    return !grep { /:$hex .*? 01 (\S+)/ && $1 ne '00000000:00000000' } <$f>;
}


sub workers {
    my ($t) = @_;

    return grep { title($_) =~ /^nginx: worker process$/ }
        children($t->read_file('nginx.pid') =~ s/\s//gr);
}


sub quote {
    return EIRC::Chromium::Page::quote(@_);
}
