#!/usr/bin/perl

# Tests for the start of socket layers by nginx workers: one for each index;
# they come back, stay and go.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix/)->plan(16);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 4;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT processes=2 state=%%TESTDIR%%/state;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }
    }
}

EOC

my $dir = $t->testdir();

$t->run();

# four workers race for two layers

wait_until(5, sub { keys %{ layers() } == 2 });

my $layers = layers();

is(join(' ', sort keys %$layers), '0 1', 'both layers');
is(scalar(map { @$_ } values %$layers), 2, 'each of them once');
is(starts($t), 2, 'no start too many');

my ($first) = map { @$_ } $layers->{0};
my @workers = children(master($t));

# nginx has no part in it

my @stat = split ' ', read_proc("$first/stat") =~ s/^.*\) //sr;

ok(!(grep { $_ == $stat[1] } master($t), @workers), 'no child of nginx');

my %nginx = map { $_ => 1 } map { sockets($_) } @workers, master($t);

is(join(' ', grep { $nginx{$_} } sockets($first)), '',
    "none of nginx's sockets");
is((stat "$dir/run")[2] & 0777, 0700, 'run directory');
is((stat "$dir/state")[2] & 0777, 0700, 'directory of sessions');
ok(-e "$dir/state/key", '... which layers use');
is((stat "$dir/run/sockets.0.lock")[2] & 0777, 0600, 'lock file');

# killed: another one

kill 'KILL', $first;

ok(wait_until(5, sub {
    my $now = layers()->{0};
    return $now && @$now == 1 && $now->[0] != $first
        && -S "$dir/run/sockets.0";
}), 'a new layer for a killed one');

unlike($t->read_file('error.log'), qr/exited on signal/, 'nothing to nginx');

# reload: the layers stay

my %before = map { $_ => 1 } children(master($t));
my $pids = pids();

$t->reload();

ok(wait_until(10, sub {
    my @now = children(master($t));
    return @now == 4 && !grep { $before{$_} } @now;
}), 'new workers');

is(pids(), $pids, 'the same layers after a reload');

# a worker ends: the layers stay

my ($worker) = children(master($t));

kill 'TERM', $worker;

ok(wait_until(5, sub {
    my @now = children(master($t));
    return @now == 4 && !grep { $_ == $worker } @now;
}), 'a new worker');

is(pids(), $pids, 'the same layers after the end of a worker');

# nginx ends: nothing is left

$t->stop();

is(wait_for(0, 10, $dir), 0, 'no process left behind');


# the layers as K => [pids]; a child of one that is about to be a helper has its
# title for a moment

sub layers {
    my %found;
    my @layers = grep { title($_) =~ /sockets \d+$/ } processes($dir);
    my %child = map { $_ => 1 } map { children($_) } @layers;

    for my $pid (grep { !$child{$_} } @layers) {
        push @{ $found{$1} }, $pid if title($pid) =~ /sockets (\d+)$/;
    }

    return \%found;
}


sub pids {
    my $layers = layers();
    return join ' ', sort map { @$_ } values %$layers;
}


sub starts {
    my ($t) = @_;
    my @lines = $t->read_file('error.log') =~ /start eirc socket layer/g;
    return scalar @lines;
}


sub master {
    my ($t) = @_;
    my ($pid) = $t->read_file('nginx.pid') =~ /(\d+)/;
    return $pid;
}


sub sockets {
    my ($pid) = @_;

    return grep { /^socket/ } map { readlink($_) || '' }
        glob "/proc/$pid/fd/*";
}


sub read_proc {
    open my $fh, '<', "/proc/$_[0]" or return '';
    local $/;
    return scalar <$fh>;
}
