#!/usr/bin/perl

# Tests for sessions that move from one process to another: as long as the one
# that is to follow has not begun, the one before has the session, and goes on
# with it if the socket layer, the template or the other process dies. Whoever
# dies when, each session has one process in the end, and every line arrives
# once.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

use IO::Select;
use IO::Socket::UNIX;
use POSIX ();

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(40);
my $dir = $t->testdir();

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

my $layer = EIRC::Sockets->new($t, index => 3)->start();
my $watch = $layer->watch();

my ($said, %guards);

my $alice = registered('alice');
my $bob = registered('bob');

# the layer and its template die while the workers wait for those to follow,
# so that none has had the time to move

my @before = $layer->workers();

moves_begin();
both_slay();
ok(talk(), 'nobody has moved: a line');

is_deeply([ grep { title($_) =~ /alice|bob/ } @before ], \@before,
    'the processes are the same');

again();
ok(moved(), 'they move at last');
ok(talk(), '... a line');

# the layer dies, and the template forks after it: whoever goes on, it is one

moves_begin();
my $template = $layer->helper('template');
$layer->slay();
kill 'CONT', $template;
again();
ok(moved(), 'a template outlives its layer');
ok(talk(), '... a line');

# the next process has begun, and no layer is there to end the one before

moves_begin();
$template = $layer->helper('template');
my @old = waiting();
kill 'STOP', $layer->pid(), @old;
kill 'CONT', $template;
ok(wait_until(5, sub { children($layer->pid()) == 4 }), 'the next have begun');
my @new = grep { my $pid = $_; !grep { $_ == $pid } @old } $layer->workers();
ok(wait_until(5, sub { 2 == grep { title($_) =~ /alice|bob/ } @new }),
    '... and have taken the sessions');
$layer->slay();
kill 'CONT', @old;
ok(wait_for_end($_, 5), 'the one before ends') for @old;
again();
ok(moved(), 'the next have come to the next layer');
like($layer->log(), qr/worker $_ adopted/, '... themselves') for @new;
ok(talk(), '... a line');

# the template dies, and the next one forks

moves_begin();
@old = waiting();
kill 'KILL', $layer->helper('template');
ok(moved(), 'a template dies');
ok(talk(), '... a line');
ok(wait_for_end($_, 5), '... the one before has ended') for @old;

# who waits dies

moves_begin();
$template = $layer->helper('template');
kill 'KILL', waiting();
kill 'CONT', $template;
ok(moved(), 'those that wait die');
ok(talk(), '... a line');

# who has just followed dies

moves_begin();
$template = $layer->helper('template');
kill 'STOP', $layer->pid();
@old = waiting();
kill 'CONT', $template;
wait_until(5, sub { children($layer->pid()) == 4 });
kill 'KILL', grep { my $pid = $_; !grep { $_ == $pid } @old }
    $layer->workers();
kill 'CONT', $layer->pid();
ok(moved(), 'those that follow die');
ok(talk(), '... a line');
ok(wait_for_end($_, 5), '... the one before has ended') for @old;

# browsers leave while the processes wait

moves_begin();
$_->send(ENDED, value => 2, body => 'gone') for $alice, $bob;
kill 'CONT', $layer->helper('template');
ok(wait_until(5, sub { !grep { title($_) =~ /alice|bob/ } processes($dir) }),
    'sessions end');

# a layer is upgraded, and again, while a relay has yet to say what it carried

my $unix = IO::Socket::UNIX->new(Local => "$dir/irc.sock", Listen => 5)
    or die "$dir/irc.sock: $!\n";
my $carol = $layer->session(account => 'carol', user => '{"nick":"carol"}',
    servers => [ [ "$dir/irc.sock", 0, 2 ] ]);
my $server = $unix->accept();
$server->autoflush(1);
print $server ":irc 001 carol :hi\r\n:irc 422 carol :no message\r\n";
$carol->lines_once(5, qr/ 422 /);
$carol->{count} = 0;

my ($relay) = grep { title($_) eq 'irc-client: relay' }
    children($layer->pid());
my ($worker) = grep { title($_) =~ /carol/ } $layer->workers();

kill 'STOP', $relay;
is(($layer->upgrade())[0], 0, 'upgrade');
ok(wait_until(5, sub { grep { $_ == $worker } waiting() }), 'who waits');
is(($layer->upgrade())[0], 0, '... while another program comes');
is_deeply([ grep { title($_) =~ /carol/ } $layer->workers() ], [ $worker ],
    '... waits on');
kill 'CONT', $relay;
ok(wait_for_end($worker, 5), '... and is followed');
ok(carried(), '... a line');

# ... or killed

($worker) = grep { title($_) =~ /carol/ } $layer->workers();
guard($relay);
kill 'STOP', $relay;
is(($layer->upgrade())[0], 0, 'upgrade');
ok(wait_until(5, sub { grep { $_ == $worker } waiting() }), 'who waits');
$layer->slay();
kill 'CONT', $relay;
ok(carried(), '... goes on when the layer is killed');
again();
ok(wait_for_end($worker, 5), '... and is followed');
ok(carried(), '... a line');
$carol->send(ENDED, value => 2, body => 'gone');
ok(wait_until(5, sub { !grep { title($_) =~ /carol/ } processes($dir) }),
    'the session ends');

is($irc->connections(), 2, 'the IRC server has noticed nothing');
is($layer->stop(), 0, 'end');
is(wait_for(0, 5, $dir), 0, 'no process left');


# A layer is killed, and the next one has asked the workers to move: they wait
# for processes that its template, which is stopped, doesn't fork.

sub moves_begin {
    my @workers = grep { title($_) =~ /alice|bob/ } processes($dir);

    guard($_) for @workers;
    kill 'STOP', @workers;
    $layer->slay() if $layer->pid();
    again();

    wait_until(5, sub { $layer->helper('template') });
    kill 'STOP', $layer->helper('template');
    kill 'CONT', @workers;

    wait_until(10, sub { waiting() == @workers })
        or die "No worker moves\n";
}


# A process that is stopped gets a SIGHUP when its group becomes one that nobody
# is left to continue. A child of ours in the group is a reason against it.

sub guard {
    my ($worker) = @_;
    my $group = getpgrp($worker);

    return if $guards{$group};

    pipe(my $in, my $out) or die "pipe(): $!\n";

    my $pid = fork();
    die "Can't fork: $!\n" if !defined $pid;

    if (!$pid) {
        close $out;
        close STDOUT;
        sysread($in, my $end, 1);
        POSIX::_exit(0);
    }

    setpgrp($pid, $group) or die "setpgrp(): $!\n";
    $guards{$group} = $out;
}


# Those that wait, of this layer.

sub waiting {
    my $log = $layer->log();
    my $pid = $layer->pid();

    my @waiting = $log =~ / $pid#3: \S+ worker (\d+) waits for/g;

    return @waiting;
}


sub again {
    $layer->again();
    $watch = $layer->watch();
}


sub both_slay {
    my $template = $layer->helper('template');

    $layer->slay();
    kill 'KILL', $template;
}


# Both sessions have a child of the layer's own, and no other process.

sub moved {
    return wait_until(10, sub {
        my $log = $layer->log();
        my $pid = $layer->pid();
        my @own = grep { title($_) =~ /alice|bob/ } $layer->workers();
        my @all = grep { title($_) =~ /alice|bob/ } processes($dir);

        return @own == 2 && "@own" eq "@all"
            && $own[0] != (waiting())[0] && $own[1] != (waiting())[1];
    });
}


# A line each way arrives, once, by the relay.

sub carried {
    $said++;
    print $server ":carol!c\@c PRIVMSG carol :line $said\r\n";
    my @lines = grep { / PRIVMSG / }
        $carol->lines_once(5, qr/ :line $said$/);

    $carol->send(MESSAGE, count => $carol->{count}++,
        body => "PRIVMSG carol :said $said");

    my ($got, $select) = ('', IO::Select->new($server));

    wait_until(5, sub {
        sysread($server, $got, 4096, length $got) if $select->can_read(0);
        return $got =~ /^PRIVMSG carol :said $said\r\n/m;
    });

    return @lines == 1 && $lines[0] =~ / :line $said$/
        && 1 == (() = $got =~ /^PRIVMSG carol :said $said\r\n/mg);
}


sub registered {
    my ($nick) = @_;
    my $session = $layer->session(account => $nick,
        servers => [ [ '127.0.0.1', $irc->port() ] ],
        user => "{\"nick\":\"$nick\"}");

    $session->lines_once(5, qr/ (?:376|422) /);
    $session->{count} = 0;

    return $session;
}


# A line each way arrives, once.

sub talk {
    my @lines;

    $said++;

    for ([ $alice, $bob, 'bob' ], [ $bob, $alice, 'alice' ]) {
        my ($from, $to, $nick) = @$_;

        $from->send(MESSAGE, count => $from->{count}++,
            body => "PRIVMSG $nick :line $said");
        push @lines, grep { / PRIVMSG / }
            $to->lines_once(5, qr/ :line $said$/);
    }

    return @lines == 2 && 2 == grep { / :line $said$/ } @lines;
}
