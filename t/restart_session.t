#!/usr/bin/perl

# Tests for nginx that is stopped and started again while sessions are open:
# the socket layers are not its own but stay, as a service of their own would,
# browsers come back when nginx does, and on IRC nobody sees any of it.

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
use EIRC::Sockets;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(33);
my $dir = $t->testdir();

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

worker_processes 2;
worker_shutdown_timeout 5s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   unix:%%TESTDIR%%/run processes=2;
    eirc_limit    0;
    eirc_rate     off;
    eirc_flood    off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass   irc://127.0.0.1:8090;
            eirc_linger 60s;
            eirc_replay 64k;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $ircd = EIRC::InspIRCd->new($t, flood => 0, recvq => '1M')->start();

my $bob = EIRC::Client->new($ircd->port(), 'bob');
$bob->join('#room');

my @layers = map { EIRC::Sockets->new($t, index => $_, log => "$dir/eirc.log",
    args => [ '--stay' ])->start() } 0, 1;

my $nginx = EIRC::Master->start($t);
my @browsers = map { EIRC::Browser->new($_) } qw/ alice carol dave /;
my $line = 0;

is((grep { $_->{id} } @browsers), 3, 'three sessions');
is(scalar processes_of(), 3, 'three processes');

my $users = join ' ', processes_of();

# in good order, at once, and without any order at all

restart($nginx, 'QUIT', 1012);
restart($nginx, 'TERM');
restart($nginx, 'KILL');

is(join(' ', processes_of()), $users, 'the same processes of users');
is((grep { !defined $_->wait_for_exit(0) } @layers), 2,
    'the same socket layers');

# every line once, both ways, and nobody was seen to leave

my $all = join ' ', map { "line-$_" } 1 .. $line;

for my $browser (@browsers) {
    my $nick = $browser->{nick};

    is($browser->texts(qr/^line-/), $all, "$nick: every line once");
    is(join(' ', map { /^:\Q$nick\E!\S+ PRIVMSG #room :(.*)$/ ? $1 : () }
        $bob->lines()), $all =~ s/line/$nick/gr, "$nick: every message once");
}

is((grep { / QUIT / } $bob->lines()), 0, 'nobody left');

# sessions end, and nginx; layers that stay do

$_->{ws}->send_text('/quit') for @browsers;
is(join(' ', map { $_->wait_close() } @browsers), '1000 1000 1000', '/quit');
ok($nginx->stop(), 'nginx ends');
is(join(' ', map { $_->stop() } @layers), '0 0', 'and layers that are told');
is(wait_for(0, 10, $dir), 0, 'no process left');
is(join(' ', map { s/.*\///r } grep { !/(?:\.lock|key)$/ }
    glob "$dir/run/*"), '', 'no socket left');
unlike($t->read_file('eirc.log'), qr/\[(?:error|crit|alert|emerg)\]/,
    'nothing alarming in the log of the layers');


# nginx ends by that signal, and there is another one, to which all come back.

sub restart {
    my ($nginx, $signal, $code) = @_;
    my $old = $nginx->pid();
    my @workers = $nginx->workers($old);

    speak($signal);

    kill $signal, $old, $signal eq 'KILL' ? @workers : ();

    my %codes = map { $_->wait_close(15) => 1 } @browsers;

    is(join(' ', keys %codes), $code, "$signal: close codes") if $code;

    is((grep { !wait_for_end($_, 20) } $old, @workers), 0,
        "$signal: nginx has ended");
    $bob->say('#room', 'line-' . ++$line);
    $_->say("$_->{nick}-$line") for @browsers;

    $nginx->begin();
    is(join(' ', map { $_->back() } @browsers), 'resumed resumed resumed',
        "$signal: back");
    is((grep { $_->heard(qr/ PRIVMSG #room :line-$line$/) } @browsers), 3,
        "$signal: what was said meanwhile");
    speak("$signal: afterwards");

    return;
}


# A line to everybody, and one of each.

sub speak {
    my ($name) = @_;
    my $ok = 0;

    $bob->say('#room', 'line-' . ++$line);

    for my $browser (@browsers) {
        $browser->say("$browser->{nick}-$line");
        $ok += $browser->heard(qr/ PRIVMSG #room :line-$line$/);
        $ok++ if $bob->expect(
            qr/^:$browser->{nick}!\S+ PRIVMSG #room :$browser->{nick}-$line$/);
    }

    is($ok, 6, "$name: lines both ways");

    return;
}


sub processes_of {
    return grep { title($_) =~ /^irc-client: (?:alice|carol|dave)$/ }
        processes($layers[0]->dir());
}
