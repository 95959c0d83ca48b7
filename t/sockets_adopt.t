#!/usr/bin/perl

# Tests for a socket layer that is killed: its users' processes serve on, come
# to the next one that is started in its place, and are followed by children of
# its own; nobody else gets anything by coming as they do.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;
use POSIX ();

use Digest::SHA qw/ hmac_sha256 sha256 /;
use Socket;

use constant { ADOPT => 8, RESUMED => 23 };

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(48);
my $dir = $t->testdir();
my %alive;

my $irc = EIRC::IRCServer->new($t, port => 8081, on_line => sub {
    my ($server, $conn, $line) = @_;

    return 0 if $line !~ /:!hangup$/;
    $server->hangup($conn);
    return 1;
});
$t->run_daemon($irc->code());
$irc->wait();

my $layer = EIRC::Sockets->new($t, index => 3)->start();
my $watch = $layer->watch();

is((stat $layer->dir() . '/key')[2] & 07777, 0600, 'mode of the key');
is(-s $layer->dir() . '/key', 32, 'its size');

my $alice = registered('alice');
my $bob = registered('bob');
my $carol = registered('carol', key => sha256('k1'), linger => 60000);
my ($worker) = workers_of('alice');

# the layer dies; users don't notice

$layer->slay();
is($watch->recv(5)->{eof}, 1, 'the layer is dead');

ok(chat($alice, $bob, 'in between'), 'a line without a layer');

$layer->again();
$watch = $layer->watch();

ok(moved(3), 'all have come, and moved');
like($layer->log(), qr/\[notice\] \d+#3: \*\Q$alice->{id}\E worker $worker adopted/,
    'in the log');
ok(wait_for_end($worker, 5), 'the process of before has ended');
ok(chat($alice, $bob, 'over there'), 'a line');
ok(chat($bob, $alice, 'back here'), 'a line back');
is($irc->connections(), 3, 'the IRC server has noticed nothing');

# one that dies before anybody could come to it

$layer->slay();
unlink $layer->path();
mkdir $layer->path();
$layer->spawn();
isnt($layer->wait_for_exit(5), 0, 'a layer that can not listen');
rmdir $layer->path();
$layer->start();
$watch = $layer->watch();
ok(moved(3), 'all come to the next');
ok(chat($alice, $bob, 'and on'), 'a line');

# what is counted is counted again

is(refused('alice', limit => 1)->{value}, 8, 'limit of one account');

# a session is resumed with the key that the last layer gave

my $id = $carol->{id};

$carol = resumed($carol->{lines}, 'k1', 'k2');
is($carol->recv_type(RESUMED, 5)->{type}, RESUMED, 'resumed');

layer_killed(3);

is(gone('k3'), 13, 'not with another key');
$carol = resumed($carol->{lines}, 'k2', 'k4');
is($carol->recv_type(RESUMED, 5)->{type}, RESUMED, 'resumed with the next');
ok(chat($carol, $carol, 'heard'), 'heard');

# one that waits for its browser

my $open = descriptors($layer->pid());
$carol->close();
ok(wait_until(5, sub { descriptors($layer->pid()) < $open }),
    'its browser is lost');

layer_killed(3);

is(gone('k2'), 13, 'the former key is none any more');
$carol = resumed(0, 'k4', 'k5');
is($carol->recv_type(RESUMED, 5)->{type}, RESUMED, 'but the one heard');

# again and again, under load

for my $n (1 .. 5) {
    my $marks = adopted();

    for my $line (1 .. 20) {
        $alice->{count} = 0 if !defined $alice->{count};
        $alice->send(MESSAGE, count => $alice->{count}++,
            body => "PRIVMSG bob :line $n $line");
        $layer->slay() if $line == 10;
        $layer->again() if $line == 15;
    }

    wait_until(10, sub { adopted() == $marks + 3 && moved(3) }) or last;
}

my @lines = map { / PRIVMSG bob :line (\d+ \d+)$/ ? $1 : () }
    $bob->lines_once(10, qr/ :line 5 20$/);

is_deeply(\@lines, [ map { my $n = $_; map { "$n $_" } 1 .. 20 } 1 .. 5 ],
    'five deaths, every line once');

# processes that die with it, when it has asked for others

my $template = $layer->helper('template');
my @dead = $layer->workers();
my $friend = stop($template);
kill 'KILL', @dead;
ok(wait_until(5, sub {
    my $log = $layer->log();
    return !grep { $log !~ /worker $_ exited on signal 9/ } @dead;
}), 'all processes die');
$layer->peer()->recv(5); # the template is asked before anybody is greeted
$layer->slay();
kill 'CONT', $template;
$layer->again();
$watch = $layer->watch();
ok(moved(3), 'others come to the next layer');
ok(chat($alice, $bob, 'all there'), 'a line');
kill 'KILL', $friend;
waitpid($friend, 0);

# who has yet to come is waited for, for a while, by another program as well; a
# machine may be too slow for that once, and not each time

my $late = 0;

for (1 .. 5) {
    wait_until(5, sub { ($worker) = workers_of('carol') }) or last;
    $friend = stop($worker);
    $layer->slay();
    $layer->again();
    $layer->upgrade();
    $late = gone('k6');
    kill 'CONT', $worker;
    $watch = $layer->watch();
    my $all = moved(3);
    kill 'KILL', $friend;
    waitpid($friend, 0);
    last if $late == 11 || !$all;
}

is($late, 11, 'a session that has yet to come is not gone');
ok(moved(3), '... and comes');

# what happens while there is no layer

my ($alices, $bobs) = map { workers_of($_) } qw/ alice bob /;

$layer->slay();
$bob->send(ENDED, value => 2, body => 'gone');
ok(wait_for_end($bobs, 5), 'a session ends without a layer');
kill 'KILL', $alices;
is($alice->recv_type(0, 5)->{eof}, 1, 'one that dies then is lost');

$layer->again();
$watch = $layer->watch();
ok(moved(1), 'one is left');

# the connection to IRC is lost meanwhile

$alice = registered('alice');
my $before = $irc->connections();
$layer->slay();
chat_raw($alice, 'PRIVMSG server :!hangup');
$irc->wait_for_end($before, 5);
$layer->again();
$watch = $layer->watch();
ok(wait_until(15, sub { $irc->connections() > $before }),
    'a lost connection is brought by the next layer');

# who comes as they do, and isn't one of them

my $key = slurp($layer->dir() . '/key');
my $other = '3-' . '0' x 24;
my $passport = passport($other);

ok(not_adopted('x' x 100, qr/connection of a worker, process $$, refused/),
    'no ADOPT');
ok(not_adopted(session_record(), qr/connection of a worker, process $$, refused/),
    'a session');
ok(not_adopted(claim($passport, version => 9), qr/breaks the rules/),
    'another version');
ok(not_adopted(claim($passport, flags => 8), qr/breaks the rules/),
    'unknown flags');
ok(not_adopted(claim(substr($passport, 0, -1)), qr/its passport is false/),
    'a passport cut');
ok(not_adopted(claim(passport($other, key => 'x' x 32)), qr/its passport is false/),
    'a passport of another key');
substr(my $changed = $passport, 60, 1) ^= "\1";
ok(not_adopted(claim($changed), qr/its passport is false/),
    'a passport changed');
ok(not_adopted(claim(passport('4-' . '0' x 24)), qr/of a layer with another number/),
    'a passport of another layer');
ok(not_adopted(claim(passport('3')), qr/of a layer with another number/),
    'a passport without a number');
ok(not_adopted(claim(passport($alice->{id})), qr/its session is there already/),
    'a session that is there');
ok(not_adopted(claim($passport), qr/shows other descriptors/),
    'no descriptors');

# an end before a word changes nothing

my $silent = rescue();
$silent->close();
is($layer->peer()->recv(5)->{count}, 3, 'the layer is as it was');

# ... and others do not come as they do

my $peer = $layer->peer();
$peer->recv(5);
$peer->send_raw(claim($passport));
ok($peer->recv(5)->{eof}, 'ADOPT of a peer that has no socket for it');

is($layer->stop(), 0, 'end');
is(wait_for(0, 5, $dir), 0, 'no process left');


sub layer_killed {
    my ($n) = @_;
    my $marks = adopted();

    $layer->slay();
    $layer->again();
    $watch = $layer->watch();

    ok(wait_until(10, sub { adopted() == $marks + $n && moved($n) }),
        'killed, and all have come');
}


# Stops a process of the layer's, which is to stand still when that dies: in a
# group whose parents have all gone it would get SIGHUP. Somebody of ours is
# there until he is killed, or nobody of the test is there.

sub stop {
    my ($pid) = @_;
    my $group = getpgrp($pid);

    pipe(my $end, my $ours) or die "pipe(): $!\n";

    my $friend = fork();

    die "fork(): $!\n" if !defined $friend;

    if ($friend == 0) {
        close $ours;
        sysread($end, my $nothing, 1);
        POSIX::_exit(0);
    }

    $alive{$friend} = $ours;

    setpgrp($friend, $group) or die "setpgrp(): $!\n";
    kill 'STOP', $pid;

    return $friend;
}


sub adopted { return scalar(() = $layer->log() =~ / adopted$/mg) }


# So many are there, and all of them are the layer's own.

sub moved {
    my ($n) = @_;

    return wait_until(5, sub {
        return 0 if $layer->workers() != $n;
        my $log = $layer->log();
        return !grep { $log =~ /worker $_ adopted/ } $layer->workers();
    });
}


sub servers { return [ [ '127.0.0.1', $irc->port() ] ] }


sub session {
    my ($account, %opt) = @_;

    return $layer->session(account => $account, servers => servers(),
        user => "{\"nick\":\"$account\"}", %opt);
}


sub registered {
    my $session = session(@_);

    $session->{id} = $session->recv_type(READY, 5)->{body};
    $session->lines_once(5, qr/ (?:376|422) /);

    return $session;
}


sub refused {
    my $session = session(@_);

    return $session->recv_type(REFUSED, 5);
}


sub resumed {
    my ($lines, $key, $next) = @_;

    my $peer = $layer->resume($id, lines => $lines, key => sha256($key),
        next => sha256($next));
    $peer->{count} = 0;

    return $peer;
}


sub gone {
    my ($key) = @_;

    return resumed(0, $key, 'never')->recv_type(REFUSED, 5)->{value};
}


sub chat_raw {
    my ($from, $line) = @_;

    $from->{count} = 0 if !defined $from->{count};
    $from->send(MESSAGE, count => $from->{count}++, body => $line);
}


sub chat {
    my ($from, $to, $text) = @_;
    my $nick = $to == $alice ? 'alice' : $to == $bob ? 'bob' : 'carol';

    chat_raw($from, "PRIVMSG $nick :$text");

    return scalar grep { / PRIVMSG $nick :\Q$text\E$/ }
        $to->lines_once(5, qr/ :\Q$text\E$/);
}


sub workers_of {
    my ($nick) = @_;

    return grep { title($_) eq "irc-client: $nick" } $layer->workers();
}


sub passport {
    my ($id, %opt) = @_;
    my $record = session_record(account => 'mallory', %opt{servers});
    my $signed = pack('CCva32', 1, 3, 36 + length $record, $id) . $record;

    return $signed . hmac_sha256($signed, $opt{key} || $key);
}


sub claim {
    my ($passport, %opt) = @_;

    return pack('CCvVQ<', ADOPT, 0, 0, 2, $opt{version} || 1)
        . pack('V4a32a32', $opt{flags} || 0, 1, 1, 0, '', '') . $passport;
}


sub rescue {
    socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket(): $!\n";
    setsockopt($s, SOL_SOCKET, SO_PASSCRED, 1) or die "setsockopt(): $!\n";
    connect($s, pack_sockaddr_un($layer->path())) or die "connect(): $!\n";

    return bless { socket => $s }, 'EIRC::Sockets::Peer';
}


sub not_adopted {
    my ($bytes, $why) = @_;
    my $peer = rescue();
    my $log = length $layer->log();

    $peer->send_raw($bytes);
    $peer->recv(5);

    return wait_until(5, sub {
        return substr($layer->log(), $log) =~ /\[alert\].*$why/;
    });
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or die "$path: $!\n";
    local $/;

    return scalar <$fh>;
}
