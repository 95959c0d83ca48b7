#!/usr/bin/perl

# Two people chat: the page that ./build.sh run serves, in a real browser,
# through nginx, a process of their own for each, and InspIRCd.

use warnings;
use strict;
use utf8;

use Test::More;

use Cwd qw/ abs_path /;
use File::Temp qw/ tempdir /;
use FindBin;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX qw/ :sys_wait_h /;
use Time::HiRes qw/ time /;

use lib "$FindBin::Bin/lib";
use EIRC::Chromium;
use EIRC::Processes;

binmode($_, ':encoding(UTF-8)') foreach Test::More->builder->output,
    Test::More->builder->failure_output, Test::More->builder->todo_output;

plan(tests => 49);

my $top = abs_path("$FindBin::Bin/..");
my $dir = tempdir('eirc-run-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my ($port, $irc_port) = free_ports(2);

# the first run on a machine may have to build

my $run = start_run(900);
my $url = $run->{url};

is($url, "http://127.0.0.1:$port/", 'run says its address')
    or BAIL_OUT("run doesn't run: $run->{output}");

my $browser = EIRC::Chromium->new();

diag($browser->{version});

# coming in

my $alice = $browser->page($url);

is($alice->js('document.title'), 'eIRC', 'the page is served');
is($alice->js('document.querySelector("#channels").value'), '#lobby',
    'a channel is offered');
is($alice->js('[...document.scripts].filter((s) => !s.src).length'
    . ' + document.querySelectorAll("style, [style]").length'), 0,
    'no script and no style inside the page');

$alice->press('Enter');
is($alice->until('document.querySelector(".problem").textContent'),
    'Choose a name.', 'nobody comes in without a name');

come_in($alice, 'alice');
ok($alice->until(q{state() === 'Connected'}), 'alice is connected')
    or die "nobody gets in: ", $alice->js('one(".problem")'), "\n";
is($alice->until('heading() === "#lobby" && heading()'), '#lobby',
    'her channel is in front');
ok($alice->until('members() === "@alice"'), 'she is in it, as operator')
    or diag($alice->js('members()'));

my $bert = $browser->page($url);

come_in($bert, 'bert');
ok($bert->until('members() === "@alice bert"'), 'bert sees who is there')
    or diag($bert->js('members()'));
ok($alice->until('members() === "@alice bert"'), 'alice sees bert');
ok($alice->until(q{texts().includes('bert joined.')}),
    'and that he has joined');
like($bert->until(q{(document.querySelector('.members-button')
    || {}).innerText}), qr/^\s*2\s*$/, 'and the number of members');

# talking, both ways

$alice->say('Hello bert!');
ok($bert->until(q{said('alice').includes('Hello bert!')}),
    'bert reads alice');
ok($alice->until(q{said('alice').includes('Hello bert!')}),
    'she sees her own words');

my $words = 'Grüße, 日本語, Привет, 🙂 и всё';

$bert->say($words);
ok($alice->until('said("bert").includes(' . quote($words) . ')'),
    'alice reads bert, every letter of it');

my $html = '<img src=x onerror="window.broken=1"><b>bold</b> &amp; '
    . '<script>window.broken=1</script>';

$bert->say($html);
ok($alice->until('said("bert").includes(' . quote($html) . ')'),
    'what looks like HTML stays text');
is($alice->js('document.querySelectorAll(".text img, .text b, .text script")'
    . '.length + (window.broken ?? 0)'), 0, 'and nothing else');

$alice->say('see https://example.org/a?b=c#d, and javascript:alert(1)');
is_deeply($bert->until(q{(() => { const a =
    [...document.querySelectorAll('.text a')];
    return a.length > 0 && a.map((e) => [e.href, e.target,
    e.rel.includes('noopener'), e.textContent]); })()}),
    [['https://example.org/a?b=c#d', '_blank', JSON::PP::true,
    'https://example.org/a?b=c#d']], 'a link can be followed');

$bert->say('/me waves');
ok($alice->until(q{texts('.action').includes('bert waves')}), 'an action');

# more than talking

$alice->say('/topic Tea at four, ü');
is($bert->until(q{topic().startsWith('Tea') && topic()}),
    'Tea at four, ü', 'bert sees the topic');
ok($bert->until(q{texts().includes('alice set the topic: Tea at four, ü')}),
    'and who has set it');

$bert->say('/msg alice psst');
ok($bert->until('heading() === "alice"'), 'bert talks to alice alone');
is($alice->until('badge("bert")'), '1', 'she has a mark for it');
is($alice->until('document.title.startsWith("(1)") && document.title'),
    '(1) #lobby · eIRC', 'in the title, too');
$alice->click('.tab.query .tab-name');
ok($alice->until(q{said('bert').includes('psst')}), 'and reads it')
    or diag($alice->js('tabs()'));
is($alice->until('document.title === "bert · eIRC"'), 1,
    'the mark goes');

$alice->say('/join #side');
ok($alice->until('heading() === "#side" && members() === "@alice"'),
    'alice joins another channel');
$bert->click('.tab.channel .tab-name');
$bert->say('alone here');
is($alice->until('badge("#lobby")'), '1', 'the other one has a mark');

$alice->say('/quote NONSENSE');
ok($alice->until(q{texts('.error').some((t) => /unknown command/i.test(t))}),
    'an error of the IRC server is shown');
$alice->say('/names #lobby');
$alice->click('.tab.channel:nth-child(2) .tab-name');
ok($alice->until(q{texts('.info').some((t) =>
    /^users: .*@alice.*bert|^users: .*bert.*@alice/.test(t))}),
    'irc-client answers for itself');

# the same name again

my $third = $browser->page($url);

come_in($third, 'alice');
ok($third->until(q{texts().some((t) => /^You are known as alice./.test(t))}),
    'who wants a name that is taken gets another');
ok($alice->until(q{texts().some((t) => /^alice.+ joined[.]$/.test(t))}),
    'and is there');

# a small screen: the keys stay inside of what lies over the rest

$bert->call('Emulation.setDeviceMetricsOverride', { width => 360,
    height => 640, deviceScaleFactor => 1, mobile => JSON::PP::false });
$bert->until(q{matchMedia('(max-width: 720px)').matches});
$bert->js(q{document.querySelector('.heading .narrow').focus(); 0});
$bert->press('Enter');
ok($bert->until(q{document.activeElement.closest('.tabs') !== null}),
    'the list of conversations has the focus');
is(join(' ', map { $bert->press('Tab');
    $bert->js(q{document.activeElement.closest('.talk') ? 'out' : ''}) }
    1 .. $bert->js(q{all('.tabs button, .tabs input').length})) =~ s/ //gr,
    '', 'and keeps it');
$bert->press('Escape');
ok($bert->until(q{document.activeElement.matches('.heading .narrow')}),
    'until it is closed');
$bert->call('Emulation.clearDeviceMetricsOverride');
$bert->js(q{document.querySelector('#composer').focus(); 0});
is($bert->js('document.activeElement.id'), 'composer', 'one can type again');

# leaving

$bert->say('/quit');
is($bert->until(q{(document.querySelector('.login .problem')
    || {}).textContent}), 'You left the chat.', 'bert leaves');
ok($alice->until(q{texts().some((t) => /^bert left\b/.test(t))
    && !members().includes('bert')}), 'alice sees him go');

# a reload of nginx

my $key = quote($alice->js('ticket()'));

kill('HUP', nginx_pid());
ok($alice->until("state() === 'Connected' && ticket() !== $key"),
    'a reload: alice comes back to her session');
$alice->say('back again');
ok($third->until(q{said('alice').includes('back again')}), 'and can talk')
    or diag($alice->js('texts().join("|")'));
is($alice->js(q{texts('.event').filter((t) =>
    /^You joined #lobby|^Connection/.test(t)).length}), 1,
    'nothing shows that she was away');

is(join("\n", map { $_->problems() } $alice, $bert, $third), '',
    'the consoles are silent');

# the end of it all

kill('INT', $run->{pid});

ok($alice->until(q{(() => { const b = document.querySelector('.banner');
    return b !== null && !b.hidden && b.textContent.includes('Reconnecting');
    })()}), 'alice is told that the server is gone');
is($alice->until(q{state() !== 'Connected' && 'not connected'}),
    'not connected', 'and sees it in the state');

is(end_run($run, 60), 0, 'run stops on SIGINT') or diag($run->{output});

# also the sessions that would wait for their browsers, for half a minute

is(wait_for(0, 5, $dir), 0, 'no irc-client is left');
is(left($dir), '', 'no process is left');
is(join(' ', grep { answers($_) } $port, $irc_port), '', 'no port is open');

ok($browser->stop(), 'the browser ends');


# The functions that the questions above are asked with, and a name given.

sub come_in {
    my ($page, $nick) = @_;

    $page->js(<<'EOF');
Object.assign(window, {
    all: (selector) => [...document.querySelectorAll(selector)],
    one: (selector) => document.querySelector(selector)?.textContent ?? '',
    state: () => one('.me-state'),
    heading: () => one('.heading .name'),
    topic: () => one('.heading .topic'),
    members: () => all('.members .member').map((e) =>
        e.querySelector('.prefix').textContent
        + e.querySelector('.label').textContent).join(' '),
    texts: (kind = '') => all(`.entry${kind} .text`).map(
        (e) => e.textContent),
    said: (nick) => all('.entry.message').filter(
        (e) => e.querySelector('.nick').textContent === nick).map(
        (e) => e.querySelector('.text').textContent),
    ticket: () => JSON.parse(
        sessionStorage.getItem('eirc.session'))?.pack.ticket?.key,
    badge: (name) => all('.tab').filter((e) =>
        e.querySelector('.tab-name').title === name).map(
        (e) => e.querySelector('.badge')?.textContent ?? '').join(),
    tabs: () => all('.tab').map((e) => e.textContent).join(' | '),
});
0
EOF
    $page->fill('#nick', $nick);
    $page->press('Enter');
}


sub quote {
    return EIRC::Chromium::Page::quote(@_);
}


# Ports that were free a moment ago.

sub free_ports {
    my ($n) = @_;

    my @sockets = map { IO::Socket::INET->new(Listen => 1,
        LocalAddr => '127.0.0.1', LocalPort => 0) // die "socket: $!" }
        1 .. $n;

    return map { $_->sockport() } @sockets;
}


sub nginx_pid {
    open(my $f, '<', "$dir/nginx.pid") or die "nginx.pid: $!";

    return <$f> =~ /(\d+)/ ? $1 : die "no pid in nginx.pid";
}


sub answers {
    my ($n) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $n,
        Timeout => 2) ? 1 : 0;
}


# Starts it, in a session of its own, with SIGINT as a script's "&" has it, and
# waits for the line that it ends its start with.

sub start_run {
    my ($seconds) = @_;

    my $end = time() + $seconds;
    my $pid = open(my $pipe, '-|') // die "fork: $!";

    if ($pid == 0) {
        POSIX::setsid();
        $SIG{INT} = 'IGNORE';
        $SIG{TERM} = 'DEFAULT';
        @ENV{qw/ RUN_DIR PORT IRC_PORT /} = ($dir, $port, $irc_port);

        open(STDIN, '<', '/dev/null');
        open(STDERR, '>&', \*STDOUT);
        chdir($top);
        exec('./build.sh', 'run') or POSIX::_exit(127);
    }

    my $self = { pid => $pid, pipe => $pipe, output => '', url => '' };

    while (more($self, $end)) {
        if ($self->{output} =~ m!^eIRC is running at (http://\S+)$!m) {
            $self->{url} = $1;
            last;
        }
    }

    return $self;
}


sub more {
    my ($self, $end) = @_;

    my $left = $end - time();

    return 0 if $left <= 0
        || !IO::Select->new($self->{pipe})->can_read($left);

    return sysread($self->{pipe}, $self->{output}, 4096,
        length($self->{output}));
}


# Its status, or "killed" when it had to be.  The end of its output is awaited
# for it to be gone, for whatever it left behind would hold that open.

sub end_run {
    my ($self, $seconds) = @_;

    my $end = time() + $seconds;
    my $pid = delete $self->{pid};

    1 while more($self, $end);

    while (time() < $end) {
        return $? if waitpid($pid, WNOHANG) == $pid;
        select(undef, undef, undef, 0.02);
    }

    kill('KILL', -$pid);
    waitpid($pid, 0);

    return 'killed';
}


# Whatever speaks of the directory or works in it.

sub left {
    my ($path) = @_;

    my @found;

    foreach my $proc (glob('/proc/[0-9]*')) {
        next if $proc eq "/proc/$$";

        my $cwd = readlink("$proc/cwd") // '';

        open(my $f, '<', "$proc/cmdline") or next;
        my $line = do { local $/; <$f> } // '';

        $line =~ tr/\0/ /;
        push @found, "$proc: $line" if index("$cwd $line", $path) >= 0;
    }

    return join("\n", @found);
}


# Also when the test dies: nothing that it started outlives it.

END {
    if ($run && $run->{pid}) {
        my $status = $?;

        kill('INT', $run->{pid});
        end_run($run, 60);
        $? = $status;
    }
}
