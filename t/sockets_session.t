#!/usr/bin/perl

# Tests for sessions in a socket layer: born, limited, refused, ended, killed;
# what is left then. The IRC server is a scripted one.

use warnings;
use strict;

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

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(73);
my $dir = $t->testdir();

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

my @servers = ([ '127.0.0.1', $irc->port() ]);

my $layer = EIRC::Sockets->new($t, index => 7)->start();
my $watch = $layer->watch();
my $before = descriptors($layer->pid());

# birth

my $alice = session('alice');
my $ready = $alice->recv(5);

is($ready->{type}, READY, 'ready');
like($ready->{body}, qr/^7-[0-9a-f]{24}$/, 'its ID');
ok((grep { /^\S+ 001 alice / } $alice->lines(5, qr/ (?:376|422) /)),
    'registered');

my ($pid) = $layer->workers();

is(scalar(() = $layer->workers()), 1, 'a process');
is(title($pid), 'irc-client: alice', 'its title');
is(descriptors($layer->pid()), $before + 4, 'descriptors of the layer');

SKIP: {
    skip('root alone may look', 3) if $> != 0;

    is(descriptors($pid), 11, 'descriptors of the process');
    is(descriptors($layer->helper('template')), 4, '... of the template');
    is(descriptors($layer->helper('connect')), 5, '... of the connector');
}

my $status = slurp("/proc/$pid/status");

like($status, qr/^NoNewPrivs:\s+1$/m, 'no new privileges');
like($status, qr/^Seccomp:\s+2$/m, 'system calls are filtered');
like($status, qr/^PPid:\s+@{[ $layer->pid() ]}$/m, 'child of the layer');

like($layer->log(), qr/\*\Q$ready->{body}\E worker $pid started/,
    'start in the log');
like($layer->log(), qr/\*\Q$ready->{body}\E connected to 127\.0\.0\.1 \d+$/m,
    'connection in the log');

# IDs differ

my $bob = session('bob');
isnt($bob->recv(5)->{body}, $ready->{body}, 'another ID');

# limits are of accounts

is(refused('alice', limit => 1)->{value}, 8, 'limit of one');
is(refused('alice', limit => 1)->{body}, 'the account has its sessions',
    '... in words');
is(session('alice', limit => 2, nick => 'alice2')->recv(5)->{type}, READY,
    'limit of two');
is(session('carol', limit => 1)->recv(5)->{type}, READY, 'another account');

ok(wait_until(5, sub { $layer->workers() == 2 }), 'closed links end them');

# the end: the process leaves IRC, and nothing stays

my $quits = quits();

$alice->send(ENDED, value => 2, body => 'gone');

ok(wait_until(5, sub { !grep { $_ == $pid } $layer->workers() }),
    'process gone');
ok(wait_until(5, sub { quits() > $quits }), 'QUIT');
ok($layer->wait_for_log(qr/\*\Q$ready->{body}\E worker $pid exited with code 0/,
    5), 'end in the log');
is($alice->recv_type(0, 5)->{eof}, 1, 'end of the link');
is(session('alice', limit => 1)->recv(5)->{type}, READY, 'limit again');

$bob->close();
ok(wait_until(5, sub { descriptors($layer->pid()) == $before }),
    'descriptors as before');

# who says to have no secret, and has or has not

my $plain = session('plain', resumable => 2);
is($plain->recv(5)->{type}, READY, 'no secret');
ok((grep { /^\S+ 001 plain / } $plain->lines(5, qr/ (?:376|422) /)),
    '... registered');
is(descriptors($layer->pid()), $before + 4, '... descriptors of the layer');
$plain->close();
ok(wait_until(5, sub { descriptors($layer->pid()) == $before }), '... gone');

is(refused('eve', resumable => 2,
    user => '{"nick":"eve","sasl_secret":"sesame"}')->{value}, 10,
    'a secret that was not announced');

# a request that is cut off

my $half = session('dave', user => undef);
ok(wait_until(5, sub { $layer->workers() == 1 }), 'a process without USER');
$half->close();
ok(wait_until(5, sub { $layer->workers() == 0 }), '... ends with its link');

# killed without warning

my $eve = session('eve');
$eve->lines(5, qr/ (?:376|422) /);
($pid) = $layer->workers();
kill 'KILL', $pid;

ok($layer->wait_for_log(qr/\[alert\].*worker $pid exited on signal 9/, 5),
    'killed: in the log');
ok(wait_until(5, sub { grep { $_ != $pid } $layer->workers() }),
    'killed: followed by another one');
$eve->close();
ok(wait_until(5, sub { descriptors($layer->pid()) == $before }),
    'killed: nothing left');

# the helpers die: sessions don't notice

my $frank = session('frank');
$frank->lines(5, qr/ (?:376|422) /);

for my $name (qw/ template connect /) {
    my $old = $layer->helper($name);
    kill 'KILL', $old;
    wait_until(5, sub { ($layer->helper($name) || $old) != $old });

    $frank->send(MESSAGE, count => $name eq 'connect',
        body => "PRIVMSG frank :after $name");
    ok((grep { /after $name/ } $frank->lines(5, qr/after $name/)),
        "old session without its $name");

    my $peer = session("new$name");
    ok((grep { / 001 / } $peer->lines(5, qr/ (?:376|422) /)),
        "new session with a new $name");
}

# ... while somebody waits for them

kill 'STOP', $layer->helper('template');
my $grace = session('grace');
is($grace->recv(0.2), undef, 'waits for the template');
kill 'KILL', $layer->helper('template');
my $answer = $grace->recv(5);
is($answer->{type}, REFUSED, 'template died: refused');
is($answer->{value}, 11, '... with a reason');

wait_until(5, sub { $layer->helper('template') });

kill 'STOP', $layer->helper('connect');
$grace = session('grace');
is($grace->recv(5)->{type}, READY, 'ready before IRC');
kill 'KILL', $layer->helper('connect');
ok((grep { / 001 / } $grace->lines(5, qr/ (?:376|422) /)),
    'connector died: another was asked');

$_->close() for $grace, $frank;
ok(wait_until(10, sub { descriptors($layer->pid()) == $before }),
    'nothing left');

# many at once, some of which go at once

my @peers = map { session("u$_") } 1 .. 100;
$_->close() for splice @peers, 0, 30;

is(scalar(grep { my $r = $_->recv(10); $r && $r->{type} == READY } @peers),
    70, 'many at once');
$_->close() for @peers;
ok(wait_until(20, sub {
    descriptors($layer->pid()) == $before && !$layer->workers();
}), '... nothing left');

# a worker that says what is not to be said can't be had here; one that is
# stopped does not stop the layer

my $heidi = session('heidi');
$heidi->lines(5, qr/ (?:376|422) /);
($pid) = $layer->workers();
kill 'STOP', $pid;
is(session('ivan')->recv(5)->{type}, READY, 'a stopped process');
wait_until(5, sub { $layer->workers() == 1 });
kill 'CONT', $pid;
$heidi->send(MESSAGE, body => 'PRIVMSG heidi :on we go');
ok((grep { /on we go/ } $heidi->lines(5, qr/on we go/)), '... goes on');

# the layer is told to end

$quits = quits();
kill 'TERM', $layer->pid();

$answer = $heidi->recv_type(ENDED, 5);
is($answer->{value}, 7, 'SIGTERM: shutdown');
is($heidi->recv_type(0, 5)->{eof}, 1, '... and the end');
is($layer->wait_for_exit(5), 0, 'layer ended');
ok(wait_until(5, sub { quits() > $quits }), '... QUIT');
is(wait_for(0, 5, $dir), 0, 'no process left');

# one that does not leave is killed when the signal comes again

$layer->start();
$watch = $layer->watch();
my $ken = session('ken');
$ken->lines(5, qr/ (?:376|422) /);
($pid) = $layer->workers();

kill 'STOP', $pid;
kill 'TERM', $layer->pid();
ok($layer->wait_for_log(qr/signal 15, ending/, 5), 'SIGTERM');
is($layer->wait_for_exit(0.3), undef, '... waits for the process');
kill 'TERM', $layer->pid();
is($layer->wait_for_exit(5), 0, '... twice does not');
ok(wait_for_end($pid, 5), '... and kills');

# few descriptors: 32 for the layer, 5 for each session

$layer = EIRC::Sockets->new($t, nofile => 146)->start();
$watch = $layer->watch();

is($layer->peer()->recv(5)->{flags}, 0, 'room for some');

@peers = map { session("full$_") } 1 .. 3;
is(join(' ', map { $_->recv(5)->{type} } @peers),
    join(' ', READY, READY, REFUSED), 'full');

my $hello = $layer->peer()->recv(5);
is($hello->{flags}, 1, 'said in HELLO');
is(refused('more')->{value}, 9, 'refused');

$peers[0]->close();
ok(wait_until(5, sub { $layer->workers() == 1 }), 'one leaves');
is(session('more')->recv(5)->{type}, READY, 'room again');

# everybody gone: so is the layer

$watch->close();
$_->close() for @peers;
is($layer->wait_for_exit(10), 0, 'ended by itself');
is(wait_for(0, 5, $dir), 0, 'no process left');

# the layer is killed: sessions go on, and end with their links

$layer->start();
$watch = $layer->watch();
my $judy = session('judy');
$judy->lines(5, qr/ (?:376|422) /);
($pid) = $layer->workers();

kill 'KILL', $layer->pid();
$layer->wait_for_exit(5);

$judy->send(MESSAGE, body => 'PRIVMSG judy :still here');
ok((grep { /still here/ } $judy->lines(5, qr/still here/)),
    'session without its layer');

unlink $layer->path();
$layer->start();
$watch = $layer->watch();
ok($layer->wait_for_log(qr/worker $pid adopted/, 10),
    'another layer: the session comes to it');
is(session('judy', limit => 1)->recv(5)->{value}, 8, '... and counts');
is(session('judy', limit => 2, nick => 'july')->recv(5)->{type}, READY,
    '... and others may come');

$judy->close();
ok(wait_until(5, sub {
    !grep { (title($_) || '') eq 'irc-client: judy' } $layer->workers()
}), 'the old session ended with its link');
is($layer->stop(), 0, 'end');


sub session {
    my ($account, %opt) = @_;
    my $nick = $opt{nick} || $account;

    return $layer->session(account => $account, servers => \@servers,
        user => "{\"nick\":\"$nick\"}", %opt);
}


sub refused {
    my $record = session(@_)->recv(5);

    return $record->{type} == REFUSED ? $record : {};
}


sub quits {
    return scalar grep { /^QUIT/ } $irc->received();
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;

    return scalar <$fh>;
}
