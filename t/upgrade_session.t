#!/usr/bin/perl

# Tests for an upgrade of nginx's binary while sessions are open: a second
# master beside the first, whose workers tell their browsers to come back to
# the new ones; and the way back. Socket layers and users' processes are those
# that they were, and nothing is left of the master that went.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Browser;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Master;
use EIRC::Processes;
use List::Util qw/ sum /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(49);
my $dir = $t->testdir();
my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

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
            eirc_linger 30s;
            eirc_replay 64k;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $ircd = EIRC::InspIRCd->new($t, flood => 0, recvq => '1M')->start();
my $nginx = EIRC::Master->start($t);

my $bob = EIRC::Client->new($ircd->port(), 'bob');
$bob->join('#room');

my %browsers = map { $_ => EIRC::Browser->new($_) } qw/ alice carol dave /;
my $line = 0;

is((grep { $_->{id} } values %browsers), 3, 'three sessions');

my %before = (layers => layers($dir), users => users($dir));
is(scalar split(' ', $before{layers}), 2, 'two socket layers');

# each worker of nginx watches each of them; the rest are links

ok(wait_until(10, sub { connections($before{layers}) == 4 + 3 }),
    'which all workers watch');

my $open = open_in($before{layers});
my $first = $nginx->pid();

# forward: the new master, then the workers of the old one, then the old one

forward($nginx, $first, 'upgrade');
my $second = $nginx->pid();

$nginx->signal('QUIT', $first);
ok(wait_for_end($first, 10), 'upgrade: the old master ends');
is($nginx->old_pid(), 0, '... with its pid file');
is($nginx->pid(), $second, '... and not that of the new one');
all_speak('upgrade: after the old master');

# back: the old master's workers once more, and the new one ends

forward($nginx, $second, 'to be taken back');
my $third = $nginx->pid();

$nginx->signal('HUP', $second);
ok(wait_until(10, sub { $nginx->workers($second) == 2 }),
    'back: the old master has workers again');

$nginx->signal('QUIT', $third);
closed_and_back('back');
ok(wait_for_end($third, 20), 'back: the new master ends');
ok(wait_until(5, sub { $nginx->pid() == $second }),
    '... and the old one has its pid file again');
is($nginx->old_pid(), 0, '... under its name');
all_speak('back: afterwards');

# who is there is who was there before

ok(wait_until(10, sub { connections($before{layers}) == 4 + 3 }),
    'workers that are there watch the socket layers');
ok(wait_until(10, sub { open_in($before{layers}) == $open }),
    'as many descriptors in the socket layers');
is(layers($dir), $before{layers}, 'the same socket layers');
is(users($dir), $before{users}, 'the same processes of users');

# every line once, both ways, and nobody was seen to leave

my $all = join ' ', map { "line-$_" } 1 .. $line;

for my $nick (sort keys %browsers) {
    is($browsers{$nick}->texts(qr/^line-/), $all, "$nick: every line once");
    is($browsers{$nick}{gaps}, 0, "$nick: no gap");
    is(join(' ', map { /^:\Q$nick\E!\S+ PRIVMSG #room :(.*)$/ ? $1 : () }
        $bob->lines()), $all =~ s/line/$nick/gr, "$nick: every message once");
}

is((grep { / QUIT / } $bob->lines()), 0, 'nobody left');

# and then everything ends

$_->{ws}->send_text('/quit') for values %browsers;
is(join(' ', map { $_->wait_close() } values %browsers), '1000 1000 1000',
    '/quit');

ok($nginx->stop(), 'nginx ends');
is(join(' ', map { s/.*\///r } glob "$dir/nginx.pid*"), '',
    'no pid file left');
is(wait_for(0, 30, $dir), 0, 'no process left');
is(join(' ', map { s/.*\///r } grep { !/(?:\.lock|key)$/ }
    glob "$dir/run/*"), '', 'no socket left');
unlike($t->read_file('error.log'), qr/\[(?:alert|crit|emerg)\]/,
    'nothing alarming in the log');
unlike($t->read_file('eirc.log'), qr/\[(?:error|crit|alert|emerg)\]/,
    '... nor in that of the layers');


# Another master, and the workers of the one that was end in good order.

sub forward {
    my ($nginx, $old, $name) = @_;
    my @workers = $nginx->workers($old);

    ok($nginx->upgrade(), "$name: another master and its workers");
    ok(wait_until(10, sub { connections($before{layers}) == 8 + 3 }),
        "$name: they watch the same layers");
    all_speak("$name: both there");

    $nginx->signal('WINCH', $old);
    closed_and_back($name);

    is((grep { !wait_for_end($_, 20) } @workers), 0,
        "$name: the old workers end");
    all_speak("$name: in the new workers");

    return;
}


# Browsers are told to come back; what is said meanwhile is there when they do.

sub closed_and_back {
    my ($name) = @_;
    my @browsers = map { $browsers{$_} } sort keys %browsers;

    is(join(' ', map { $_->wait_close(15) } @browsers), '1012 1012 1012',
        "$name: close codes");
    $bob->say('#room', 'line-' . ++$line);
    is(join(' ', map { $_->back() } @browsers), 'resumed resumed resumed',
        "$name: back");
    $_->say("$_->{nick}-$line") for @browsers;

    return;
}


# A line to everybody, and one of each.

sub all_speak {
    my ($name) = @_;
    my @browsers = map { $browsers{$_} } sort keys %browsers;
    my $ok = 0;

    $bob->say('#room', 'line-' . ++$line);

    for my $browser (@browsers) {
        $browser->say("$browser->{nick}-$line");
        $ok += $browser->heard(qr/ PRIVMSG #room :line-$line$/);
        $ok++ if $bob->expect(
            qr/^:$browser->{nick}!\S+ PRIVMSG #room :$browser->{nick}-$line$/);
    }

    is($ok, 2 * @browsers, "$name: lines both ways");

    return;
}


sub titled {
    my ($dir, $re) = @_;
    return join ' ', grep { title($_) =~ $re } processes($dir);
}


sub layers { return titled($_[0], qr/^irc-client: sockets \d+$/) }
sub users { return titled($_[0], qr/^irc-client: (?:alice|carol|dave)$/) }


sub open_in { return sum(map { descriptors($_) } split ' ', $_[0]) }
sub connections { return sum(map { accepted($_) } split ' ', $_[0]) }
