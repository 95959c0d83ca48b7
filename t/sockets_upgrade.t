#!/usr/bin/perl

# Tests for the upgrade of a socket layer in place: another program in the same
# process, which holds what the one before held; and for programs that can't
# be that, which change nothing.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

use File::Copy qw/ copy /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(69);
my $dir = $t->testdir();
my $exe = "$dir/irc-client";

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

install();

my $layer = EIRC::Sockets->new($t, index => 7, exe => $exe)->start();
my $pid = $layer->pid();
my $watch = $layer->watch();
my $silent = $layer->peer();

$silent->recv(5);

my $alice = registered('alice');
my $bob = registered('bob');
my ($worker) = workers_of('alice');
my $before = descriptors($pid);
my @helpers = map { $layer->helper($_) } qw/ template connect /;

# another file at the same path

install();
my $inode = (stat $exe)[1];
isnt((stat "/proc/$pid/exe")[1], $inode, 'the file is another one');

my ($status, $said) = $layer->upgrade();

is($status, 0, 'upgrade');
like($said, qr/^irc-client: socket layer 7: irc-client \d\S+ goes on with 2 sessions$/,
    'what the command says');
is((stat "/proc/$pid/exe")[1], $inode, 'the same process is the new file');
is(title($pid), 'irc-client: sockets 7', 'title');
like($layer->log(), qr/\[notice\] $pid#7: upgrade to "\Q$exe\E"/, 'in the log');

# everybody is still there; the users' processes are of the new program, too

ok($layer->wait_for_log(qr/(?:worker \d+ is followed by another.*){2}/s, 5),
    'workers moved');
ok(wait_until(5, sub { scalar workers_of('alice') }), '... to other processes');
isnt((workers_of('alice'))[0], $worker, '... of the new program');
is($watch->recv(0), undef, 'watching connection');
is($silent->recv(0), undef, 'silent connection');
ok(wait_until(5, sub { descriptors($pid) == $before }), 'descriptors');
ok(chat($alice, $bob, 'over there'), 'a line');
ok(chat($bob, $alice, 'back here'), 'a line back');
is($layer->peer()->recv(5)->{count}, 7, 'hello');

for my $name (qw/ template connect /) {
    my $old = shift @helpers;

    ok(wait_for_end($old, 5), "old $name ended");
    ok(wait_until(5, sub { $layer->helper($name) }), "new $name");
}

SKIP: {
    skip('root alone may look', 1) if $> != 0;

    my $file = -e "$exe-template" ? "$exe-template" : $exe;

    is((stat '/proc/' . $layer->helper('template') . '/exe')[1],
        (stat $file)[1], 'the template is the new file');
}

unlike($layer->log(), qr/irc-client-template/, 'nothing said of its file');

# ... and what is counted

is(refused('alice', limit => 1)->{value}, 8, 'limit of one account');

# the silent one has a session now; those who came before the upgrade end

$silent->send_raw(session_record(account => 'carol', servers => servers()));
$silent->send(USER, body => user('carol'));
is($silent->recv(5)->{type}, READY, 'a session of the silent connection');
ok((grep { / 001 carol / } $silent->lines_once(5, qr/ (?:376|422) /)),
    '... with IRC');

$bob->send(ENDED, value => 2, body => 'gone');
ok(wait_until(5, sub { !workers_of('bob') }), 'a session ends');

# a process that dies is followed by another as ever

($worker) = workers_of('alice');
kill 'KILL', $worker;
ok($layer->wait_for_log(qr/\[alert\].*worker $worker exited on signal 9/, 5),
    'killed: in the log');
$bob = registered('bob');
ok(chat($bob, $alice, 'still there'), 'killed: goes on');

$silent->close();
ok(wait_until(5, sub { !workers_of('carol') }), 'a session ends');

# by signal, again and again, under load

for my $n (1 .. 10) {
    my $marks = () = $layer->log() =~ /goes on with 2 sessions/g;

    kill 'USR2', $pid;

    for my $line (1 .. 20) {
        $alice->{count} = 0 if !defined $alice->{count};
        $alice->send(MESSAGE, count => $alice->{count}++,
            body => "PRIVMSG bob :line $n $line");
    }

    wait_until(5, sub {
        $marks < (() = $layer->log() =~ /goes on with 2 sessions/g);
    }) or last;
}

my @lines = map { / PRIVMSG bob :line (\d+ \d+)$/ ? $1 : () }
    $bob->lines_once(10, qr/ :line 10 20$/);

is_deeply(\@lines, [ map { my $n = $_; map { "$n $_" } 1 .. 20 } 1 .. 10 ],
    'ten upgrades, every line once');
is($layer->pid(), $pid, 'the same process');

# a connection that is on its way is asked for again

wait_until(5, sub { $layer->helper('connect') });
kill 'STOP', $layer->helper('connect');
my $dave = session('dave');
is($dave->recv(5)->{type}, READY, 'a session without IRC');
is(($layer->upgrade())[0], 0, 'upgrade');
ok((grep { / 001 dave / } $dave->lines_once(5, qr/ (?:376|422) /)),
    'its connection comes');

# a fork that is on its way is waited for, but not for ever

wait_until(5, sub { $layer->helper('template') });
my $template = $layer->helper('template');
kill 'STOP', $template;

my $erin = session('erin');
($status, $said) = $layer->upgrade();
is($status, 1 << 8, 'no upgrade while a fork hangs');
like($said, qr/the template does not answer/, '... and why');
ok(!defined $erin->recv(0), 'nobody was refused');
is($layer->helper('template'), $template, 'template as before');
kill 'CONT', $template;
is($erin->recv(5)->{type}, READY, 'the session begins');

# programs that can't go on

unlink $exe or die "unlink: $!\n";
fails(qr/access\(\) failed: No such file/, 'no program');

program('no program');
chmod 0644, $exe;
fails(qr/access\(\) failed: Permission denied/, 'one that can\'t be executed');

program("\0no program");
fails(qr/it does not start \(code 127\)/, 'one that is none');

program("#!/bin/sh\nexit 3\n");
fails(qr/it does not start \(code 3\)/, 'one that does not start');

# one that was there a moment ago

program("#!/bin/sh\nrm \"\$0\"\n");
fails(qr/execve\(\) failed: No such file/, 'one that is gone');

like($layer->log(), qr/\[alert\] $pid#7: no upgrade to "\Q$exe\E", the layer goes on as it was: execve\(\) failed \(2: /,
    'in the log');

# an end of the layer comes first

program("#!/bin/sh\nexec sleep 10\n");
kill 'USR2', $pid;
ok(wait_until(5, sub { grep { title($_) eq 'sleep 10' } children($pid) }),
    'a program that takes its time');
is($layer->stop(), 0, 'end');
is(wait_for(0, 5, $dir, exe => $exe), 0, 'no process left');

# whoever is not there can't be asked

($status, $said) = $layer->upgrade();
is($status, 1 << 8, 'nobody there');
like($said, qr/socket layer 7 in ".*": it can't be reached: No such file/,
    '... and why');


# New files at the paths of the program and of its template's own, if it has
# one.

sub install {
    for my $suffix ('-template', '') {
        next if !-e irc_client() . $suffix;

        copy(irc_client() . $suffix, "$exe.new") or die "copy: $!\n";
        chmod 0755, "$exe.new";
        rename "$exe.new", "$exe$suffix" or die "rename: $!\n";
    }
}


sub program {
    my ($text) = @_;

    open my $fh, '>', "$exe.new" or die "$exe.new: $!\n";
    print $fh $text;
    close $fh;

    chmod 0755, "$exe.new";
    rename "$exe.new", $exe or die "rename: $!\n";
}


# Nothing changes, and that is said: five tests.

sub fails {
    my ($why, $name) = @_;
    my $template = $layer->helper('template');
    my ($status, $said) = $layer->upgrade();

    is($status, 1 << 8, $name);
    like($said, $why, "$name: why");
    is($layer->helper('template'), $template, "$name: template as before");
    ok($layer->peer()->recv(5), "$name: it takes connections");

    $bob->{said}++;
    ok(chat($alice, $bob, "still here $bob->{said}"), "$name: a line");
}


sub servers { return [ [ '127.0.0.1', $irc->port() ] ] }


sub user {
    my ($nick) = @_;

    return "{\"user\":{\"nick\":\"$nick\"},\"address\":\"127.0.0.1\","
        . '"port":1,"secure":false,"mode":"eirc","flood_rate":0,'
        . '"flood_burst":1}';
}


sub session {
    my ($account, %opt) = @_;

    return $layer->session(account => $account, servers => servers(),
        user => "{\"nick\":\"$account\"}", %opt);
}


sub registered {
    my $session = session(@_);

    $session->lines_once(5, qr/ (?:376|422) /);

    return $session;
}


sub refused {
    my $session = session(@_);

    return $session->recv_type(REFUSED, 5);
}


sub chat {
    my ($from, $to, $text) = @_;
    my $nick = $to == $alice ? 'alice' : 'bob';

    $from->{count} = 0 if !defined $from->{count};
    $from->send(MESSAGE, count => $from->{count}++,
        body => "PRIVMSG $nick :$text");

    return scalar grep { / PRIVMSG $nick :\Q$text\E$/ }
        $to->lines_once(5, qr/ :\Q$text\E$/);
}


sub workers_of {
    my ($nick) = @_;

    return grep { title($_) eq "irc-client: $nick" } $layer->workers();
}
