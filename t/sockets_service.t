#!/usr/bin/perl

# Tests for the unit of systemd: what it runs, the way that systemd would do
# it. A layer that stays, an upgrade as its reload, and a restart after the
# layer alone was killed, which leaves the users' processes where they are.

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

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(21);
my $dir = $t->testdir();

open my $fh, '<', '../docs/eirc-sockets@.service' or die "No unit: $!\n";
my $unit = do { local $/; <$fh> };
close $fh;

my @start = command($unit, 'ExecStart');
my @reload = command($unit, 'ExecReload');

# where the paths that it has are replaced by those of this test

is($start[0], irc_client(), 'program');
is($reload[0], irc_client(), '... of the reload');
ok((grep { $_ eq '--stay' } @start), 'a layer that stays');

SKIP: {
    skip('no systemd-analyze', 1) if !grep { -x "$_/systemd-analyze" }
        split /:/, $ENV{PATH};

    my $client = irc_client();
    my $copy = $unit =~ s/^(Exec\w+=)\S+/$1$client/gmr;

    $t->write_file('eirc-sockets@.service', $copy);
    is(said('systemd-analyze', 'verify', '--man=no',
        "$dir/eirc-sockets\@.service"), '', 'what systemd says to it');
}

# what it runs

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

my $log = grep { $_ eq '--log=stderr' } @start;
ok($log, 'its log is standard error');

@start = map { s/^--log=stderr$/--log=$dir\/eirc.log/r } @start;

my $layer = EIRC::Sockets->new($t, index => 6, command => \@start)->start();
my $pid = $layer->pid();

is($layer->peer()->recv(5)->{count}, 6, 'the instance is its number');
is($layer->wait_for_exit(2.5), undef, 'it stays');

my $alice = session('alice');

# reload

like(said(@reload), qr/^irc-client: .* goes on with 1 sessions$/, 'reload');
is($layer->pid(), $pid, 'the same process');
ok(speaks($alice, 'after the reload'), 'the session goes on');
is($layer->wait_for_exit(2.5), undef, 'it stays');

# the layer dies, and nothing else gets a signal (KillMode=process)

like($unit, qr/^KillMode=process$/m, 'a signal is for the layer alone');
like($unit, qr/^Restart=always$/m, 'there will be another one');

kill 'KILL', $pid;
ok(defined $layer->wait_for_exit(5), 'the layer is killed');
$layer->again();
ok($layer->wait_for_log(qr/ worker \d+ adopted$/m, 5),
    'its process comes to the next one');
ok(speaks($alice, 'after the restart'), 'the session goes on');
is($irc->ended(1), 0, 'its connection to IRC as well');

# the end, once it is told

is($layer->stop(), 0, 'end');
ok($irc->wait_for_end(1, 5), 'users leave');
is(wait_for(0, 5, $dir), 0, 'no process left');
ok(!-e $layer->path(), 'no socket left');


# The words of a line of the unit, for instance 6 in this test's directory.

sub command {
    my ($unit, $name) = @_;
    my ($line) = $unit =~ /^\Q$name\E=(.*)$/m or die "no $name\n";
    my $client = irc_client();

    $line =~ s!^/usr/local/libexec/eirc/irc-client !$client !;
    $line =~ s!/run/eirc!$dir/run!;
    $line =~ s!%i!6!;

    return split ' ', $line;
}


sub said {
    my (@command) = @_;

    my $pid = open my $out, '-|';
    die "Can't fork: $!\n" if !defined $pid;

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    my $said = do { local $/; <$out> };
    close $out;

    return defined $said ? $said : '';
}


sub session {
    my ($nick) = @_;
    my $session = $layer->session(account => $nick,
        servers => [ [ '127.0.0.1', $irc->port() ] ],
        user => "{\"nick\":\"$nick\"}");

    $session->lines_once(5, qr/ (?:376|422) /);

    return $session;
}


sub speaks {
    my ($session, $text) = @_;

    $session->{count} = 0 if !defined $session->{count};
    $session->send(MESSAGE, count => $session->{count}++,
        body => "PRIVMSG alice :$text");

    return scalar grep { / PRIVMSG alice :\Q$text\E$/ }
        $session->lines_once(5, qr/ :\Q$text\E$/);
}
