#!/usr/bin/perl

# Tests for what a socket layer keeps of its sessions on disk, as nginx sees it,
# which is played here: through upgrades, deaths of the layer and of processes,
# with limits and other subprotocols, and with processes that do not leave.

use warnings;
use strict;

use Digest::SHA qw/ sha256 /;
use File::Spec;
use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(56);
my $state = $t->testdir() . '/state';

mkdir $state, 0700;

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

# a path that is relative to where the layer was started

my $layer = EIRC::Sockets->new($t, index => 7, args => [ '--stay',
    '--state=' . File::Spec->abs2rel($state), '--state-interval=1' ])->start();
my @key = map { sha256("key $_") } 0 .. 20;
my ($peer, $r, @lines);

# the next program knows what the one before knew

my ($alice, $id, $n) = session('alice', channels => ['#room']);
ok(kept($id), 'a session is kept');

# what users say is nobody's business, and a file that is gone comes back

$alice->send(MESSAGE, count => 0, body => 'PRIVMSG #room :open sesame');
ok($irc->wait_for(qr/^PRIVMSG #room :open sesame$/, 5, 1), 'a line is said');
unlink "$state/$id";
ok(kept($id), '... kept again');
unlink "$state/$id";
ok(kept($id), '... and when nothing has happened');
unlike(content($id), qr/sesame/, '... without what was said');

is(($layer->upgrade())[0], 0, 'upgrade');
ok($layer->wait_for_log(qr/worker \d+ is followed by another/, 5),
    'moved to another process');
is($layer->stop(), 0, 'SIGTERM');
is($alice->recv_type(ENDED, 5)->{value}, 7, 'the browser is told');
ok(exact($id), 'there is a file of the end');

$layer->start();
$peer = $layer->resume($id, lines => $n, key => $key[0], next => $key[1]);
$r = $peer->recv(5);
is($r->{type}, RESUMED, 'it is back');
is($r->{flags}, 0, '... without a gap');
ok(wait_until(5, sub { kept($id) && !exact($id) }),
    '... its file is another one');
@lines = $peer->lines_once(5, qr/ 366 /);
ok((grep { /^:alice!\S+ JOIN :#room/ } @lines), '... in its channel');
$n += @lines;

# a layer that dies, with nobody else

my ($worker) = $layer->workers();
ok(kept($id), 'it is kept again');
$layer->slay();
$layer->again();
ok($layer->wait_for_log(qr/\*\Q$id\E worker $worker adopted/, 5),
    'killed: its process finds the next one');
ok($layer->wait_for_log(qr/adopted.*is followed by another/s, 5), '... and moves');
is($layer->stop(), 0, 'SIGTERM');
ok($layer->wait_for_log(qr/adopted.*\*\Q$id\E session kept on disk/s, 5),
    'it is kept all the same');

# the limit is of those with a browser, and this one has none yet

$layer->start();
my ($second, $second_id) = session('alice', nick => 'second', limit => 1);
ok($second_id, 'another session of the account');
$r = $layer->resume($id, lines => $n, key => $key[1])->recv(5);
is($r->{type}, RESUMED, 'no limit in the session itself');
bye($second, 'second');

my ($bob, $bob_id, $bob_n) = session('bob', limit => 1);
is($layer->stop(), 0, 'SIGTERM');
$layer->start();
($second, $second_id) = session('bob', nick => 'other', limit => 1);
ok($second_id, 'one that is kept does not count');
$r = $layer->resume($bob_id, lines => $bob_n, key => $key[0])->recv(5);
is($r->{value}, 8, '... but has to wait');
ok(-e "$state/$bob_id", '... where it was');
$r = $layer->resume($bob_id, lines => $bob_n, key => $key[0], mode => 1)
    ->recv(5);
is($r->{value}, 10, 'another subprotocol');
ok(-e "$state/$bob_id", '... is refused as well');
bye($second, 'other');
$bob = $layer->resume($bob_id, lines => $bob_n, key => $key[0]);
is($bob->recv(5)->{type}, RESUMED, 'then it can be had');
bye($bob, 'bob');
ok(wait_until(5, sub { !-e "$state/$bob_id" }), '... and leaves no file');

# files of the end are good for as long as the layer lives, whichever program
# it is

my ($one, $one_id, $one_n) = session('one');
my ($two, $two_id, $two_n) = session('two');
is($layer->stop(), 0, 'SIGTERM');
$layer->start();
$one = $layer->resume($one_id, lines => $one_n, key => $key[0]);
is($one->recv(5)->{type}, RESUMED, 'one of two is back');
is(($layer->upgrade())[0], 0, 'upgrade');
$two = $layer->resume($two_id, lines => $two_n, key => $key[0]);
is($two->recv(5)->{type}, RESUMED, 'then the other');
bye($one, 'one');
bye($two, 'two');

# a session that loses its state is another one on disk, too

my ($carol, $carol_id) = session('carol', channels => ['#room'],
    crash_limit => 2);
ok(kept($carol_id), 'a session');

for (1 .. 2) {
    my $pid = worker('carol');
    kill 'KILL', $pid;
    ok(wait_until(5, sub { my $w = worker('carol'); $w && $w != $pid }),
        'its process is killed');
}

do {
    $r = $carol->recv_type(READY, 5);
} while ($r && !$r->{eof} && !$r->{flags});

is($r->{flags}, 1, 'its state is dropped');
ok(wait_until(5, sub { !-e "$state/$carol_id" }), '... and its file');
$carol_id = $r->{body};
$carol->send(RESET);
$carol->lines(5, qr/ 366 /);
ok(kept($carol_id), '... for another one');

# IRC clients that registered themselves have to do so again

my $text = $layer->peer();
$text->recv(5);
$text->send_raw(session_record(account => 'dave', linger => 60000, mode => 1,
    key => $key[0], servers => servers()));
$text->send(USER, body => '{"user":{"nick":"dave"},"address":"127.0.0.1",'
    . '"port":1,"secure":false,"mode":"text","flood_rate":0,'
    . '"flood_burst":1}');
my $text_id = $text->recv_type(READY, 5)->{body};
$text->send(MESSAGE, count => 0, body => 'NICK dave');
$text->send(MESSAGE, count => 1, body => 'USER dave 0 * :Dave');
my $text_n = $text->lines_once(5, qr/ 376 /);
ok(kept($text_id), 'an IRC client');
is($layer->stop(), 0, 'SIGTERM');
$layer->start();
$text = $layer->resume($text_id, lines => $text_n, key => $key[0], mode => 1);
is($text->recv(5)->{type}, RESUMED, '... gets what it missed');
ok((grep { /^ERROR :The connection to the IRC server was lost/ }
    $text->lines(5, qr/^ERROR/)), '... and is told to come anew');
is($text->recv_type(ENDED, 5)->{value}, 4, '... by the end');

# a process that does not leave: what there was before has to do

$carol = $layer->resume($carol_id, lines => 1, key => $key[0]);
is($carol->recv(5)->{type}, RESUMED, 'one that began anew is back');
$carol->lines(5, qr/ 366 /);
ok(kept($carol_id), '... and kept');
kill 'STOP', worker('carol');
$n = ends();
kill 'TERM', $layer->pid();
ok(wait_until(5, sub { ends() > $n }), 'SIGTERM');
kill 'TERM', $layer->pid();
is($layer->wait_for_exit(15), 0, '... again');
$layer->start();
$carol = $layer->resume($carol_id, lines => 1, key => $key[0],
    next => $key[1]);
$r = $carol->recv(5);
is($r->{type}, READY, '... and its session begins anew');
isnt($r->{body}, $carol_id, '... as another one');
$carol_id = $r->{body};
$carol->send(RESET);
$n = $carol->lines_once(5, qr/ 366 /);

# no room for one that comes back: that is over sometime

is($layer->stop(), 0, 'SIGTERM');
$layer = EIRC::Sockets->new($t, index => 7, nofile => 146,
    args => [ '--stay', "--state=$state" ])->start();
my @full = map { (session("full$_"))[0] } 1 .. 2;
$r = $layer->resume($carol_id, lines => $n, key => $key[1])->recv(5);
is($r->{type}, REFUSED, 'a layer that is full');
is($r->{value}, 9, '... says so');
ok(-e "$state/$carol_id", '... and keeps the file');
bye($full[0], 'full1');
ok(wait_until(5, sub {
    $r = $layer->resume($carol_id, lines => $n, key => $key[1])->recv(5);
    return $r->{type} == RESUMED;
}), 'then there is room') or diag("$r->{type} $r->{value}");

is($layer->stop(), 0, 'SIGTERM');
$t->stop_daemons();


# Registered, with the first key: the link, the ID, and the number of lines.

sub session {
    my ($account, %opt) = @_;
    my $nick = delete $opt{nick} || $account;
    my $channels = delete $opt{channels} || [];
    my $list = join ',', map { qq{"$_"} } @$channels;

    my $link = $layer->session(account => $account, linger => 60000,
        key => $key[0], servers => servers(),
        user => qq({"nick":"$nick","channels":[$list]}), %opt);
    my $ready = $link->recv_type(READY, 5);
    my $count = $link->lines_once(5, @$channels ? qr/ 366 / : qr/ 376 /);

    return ($link, $ready->{body}, $count);
}


sub servers { return [ [ '127.0.0.1', $irc->port() ] ] }


sub bye {
    my ($link, $nick) = @_;

    $link->send(ENDED, value => 2, body => '');
    wait_until(5, sub { !worker($nick) });

    return;
}


sub kept {
    my ($name) = @_;
    return wait_until(5, sub { -e "$state/$name" });
}


sub content {
    my ($name) = @_;

    open my $fh, '<:raw', "$state/$name" or return "nothing: $!, sesame";
    local $/;

    return <$fh>;
}


# Was it written when no process had the session any more?

sub exact {
    my ($name) = @_;

    open my $fh, '<:raw', "$state/$name" or return 0;
    read $fh, my $head, 4;

    return length $head == 4 && unpack('x2v', $head) == 1;
}


sub ends {
    my $count = () = $layer->log() =~ /signal 15, ending/g;
    return $count;
}


sub worker {
    my ($nick) = @_;
    return (grep { (title($_) || '') eq "irc-client: $nick" }
        $layer->workers())[0];
}
