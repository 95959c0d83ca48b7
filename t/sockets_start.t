#!/usr/bin/perl

# Tests for the beginning and the end of a socket layer: one for each index and
# run directory, its greeting, what keeps it, signals, and its log.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Sockets;
use EIRC::Processes;

use POSIX qw/ dup2 /;
use Socket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(51);
my $dir = $t->testdir();

# the command line

is(run('--sockets'), 'irc-client: Missing required argument: --run-path',
    'no run path');
is(run('--sockets', "--run-path=$dir", '--what'),
    'irc-client: Unknown option: --what', 'unknown option');
like(run('--help'), qr/^Usage: irc-client/, 'help');
is(join(' ', missing()), '', 'help has what the manual has');
like(run('--version'), qr/^irc-client \d/, 'version');

# beginning

my $layer = EIRC::Sockets->new($t, index => 3)->start();
my $pid = $layer->pid();

my $hello = $layer->peer()->recv(5);

is_deeply($hello, { type => HELLO, flags => 0, value => 2, count => 3,
    body => '' }, 'hello');

is((stat $layer->path())[2] & 0777, 0700, 'mode of the socket');
is(title($pid), 'irc-client: sockets 3', 'title');

# they come up after it answers

ok(wait_until(5, sub { $layer->helper('template') }), 'template');
ok(wait_until(5, sub { $layer->helper('connect') }), 'connector');

# 0 to 2, log, lock, epoll, signals, program, two helpers, socket; the
# template's program, where there is one

my $descriptors = descriptors($pid);
is($descriptors, -e irc_client() . '-template' ? 12 : 11, 'descriptors');

SKIP: {
    skip('root alone may look', 1) if $> != 0;
    ok(wait_until(5,
        sub { descriptors($layer->helper('template')) == 4 }),
        '... of the template');
}

# another one with that index ends without a word; one with another does not

my $other = EIRC::Sockets->new($t, index => 3)->spawn();
is($other->wait_for_exit(5), 0, 'second layer');
like($layer->log(), qr/another socket layer/, 'second layer in the log');
ok($layer->peer()->recv(5), 'first layer unharmed');

$other = EIRC::Sockets->new($t, index => 4)->start();
is($other->peer()->recv(5)->{count}, 4, 'another index');

# without anybody it ends by itself

is($other->wait_for_exit(5), 0, 'idle layer ended');
ok(!-e $other->path(), 'its socket is gone');
ok(!$other->peer(), 'nobody answers');

# a watching connection keeps it, one that says nothing does not

$layer->start() if defined $layer->wait_for_exit(3);
my $watch = $layer->watch();
my $silent = $layer->peer();
is($layer->wait_for_exit(2.5), undef, 'watched layer stays');

$watch->close();
is($layer->wait_for_exit(5), 0, 'unwatched layer ended');
$silent->recv(1);
ok($silent->recv(1)->{eof}, 'silent connection closed');
is(wait_for(0, 5, $dir), 0, 'no process left');

# one that is to stay does so alone, also as another program; a signal ends it

$other = EIRC::Sockets->new($t, index => 5, args => [ '--stay' ])->start();
is($other->wait_for_exit(2.5), undef, 'a layer that is to stay');
is(($other->upgrade())[0], 0, '... upgraded');
is($other->wait_for_exit(2.5), undef, '... stays');
is($other->stop(), 0, '... and ends when it is told');
is(wait_for(0, 5, $dir), 0, 'no process left');

# what a dead layer left is replaced

$layer->start();
($pid, my $template) = ($layer->pid(), $layer->helper('template'));
my $connector = $layer->helper('connect');
kill 'KILL', $pid;
ok(wait_for_end($template, 5), 'template ended with its layer');
ok(wait_for_end($connector, 5), 'connector ended with its layer');
$layer->wait_for_exit(5);

ok(-S $layer->path(), 'stale socket');
ok(!$layer->peer(), 'nobody answers there');

$layer->spawn();
ok(wait_until(5, sub { $layer->peer() }), 'stale socket replaced');

# helpers come back

$watch = $layer->watch();

for my $name (qw/ template connect /) {
    my $old;
    wait_until(5, sub { defined($old = $layer->helper($name)) });
    kill 'KILL', $old;
    ok(wait_until(5, sub {
        my $new = $layer->helper($name);
        return defined $new && $new != $old;
    }), "$name started again");
}

like($layer->log(), qr/\[alert\] \d+#3: template \d+ exited on signal 9/,
    'end of template in the log');
is(descriptors($layer->pid()), $descriptors + 1, 'descriptors as before');

# the log is opened again

rename "$dir/eirc.log", "$dir/eirc.log.1";
kill 'USR1', $layer->pid();
ok(wait_until(5, sub { -e "$dir/eirc.log" }), 'log opened again');

kill 'KILL', $layer->helper('connect');
ok($layer->wait_for_log(qr/connector \d+ started/, 5), 'new log written to');
like($layer->log(), qr!^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#3: !,
    'form of a line');

# signals end it in good order

for my $signal (qw/ TERM INT QUIT /) {
    $layer->start() if !$layer->pid();
    $watch = $layer->watch();
    kill $signal, $layer->pid();
    is($layer->wait_for_exit(5), 0, "SIG$signal");
}

ok(!-e $layer->path(), 'socket gone');

# ignored and blocked signals are not inherited; nor are descriptors

{
    local $SIG{CHLD} = 'IGNORE';
    local $SIG{TERM} = 'IGNORE';

    open my $null, '<', '/dev/null' or die;
    dup2(fileno($null), 77);
    $layer->spawn();
    POSIX::close(77);
}

ok(wait_until(5, sub { -S $layer->path() }), 'started by a strange parent');
is(descriptors($layer->pid()), $descriptors, 'no descriptor inherited');
is($layer->stop(), 0, 'SIGTERM again');

# a directory that others may write to; none at all

chmod 0777, $layer->dir();
$layer->spawn();
is($layer->wait_for_exit(5), 1 << 8, 'directory open to others');
like($layer->log(), qr/\[emerg\].*others may write/, '... says the log');
chmod 0700, $layer->dir();

$other = EIRC::Sockets->new($t, dir => "$dir/none");
rmdir "$dir/none";
is($other->spawn()->wait_for_exit(5), 1 << 8, 'no directory');

is(wait_for(0, 5, $dir), 0, 'no process left at the end');


# Options of the manual that the help does not name.

sub missing {
    open my $fh, '<', '../docs/irc-client.1' or die "irc-client.1: $!\n";

    my $manual = join '', grep { !/systemctl/ } <$fh>;
    my %option = map { s/\\//gr => 1 } $manual =~ /\\-\\-((?:[a-z]{2,}|\\-)+)/g;

    open $fh, '-|', irc_client(), '--help' or die "irc-client: $!\n";

    my $help = join '', <$fh>;

    return grep { $help !~ /--\Q$_\E\b/ } sort keys %option;
}


sub run {
    my (@args) = @_;
    my $pid = open my $out, '-|';

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec { irc_client() } irc_client(), @args or POSIX::_exit(127);
    }

    my $line = <$out>;
    chomp $line;
    1 while <$out>;
    close $out;

    return $line;
}
