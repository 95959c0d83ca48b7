package Bench::Usage;

# What processes and the kernel use, from /proc.
#
#   my $usage = Bench::Usage->new($stack, $load);
#   my $now = $usage->cpu();         a reading
#   my $used = Bench::Usage::between($before, $after);
#       seconds, and of CPU, in seconds: ircd, nginx, client, load; and of
#       the time of all CPUs, in percent: steal, other; noisy: 1 when what
#       others did may have changed the figures
#   my $memory = $usage->memory();   KB: { ircd, nginx, fixed, users } each
#       with pss, private and rss
#   my $kernel = Bench::Usage::kernel();   KB: slab, stacks, tables
#
# CPU is the time that the scheduler has given to a process
# (/proc/PID/schedstat), in ns.  What users' processes that have ended had is
# in the account of the socket layer, which waited for them, in ticks.

use warnings;
use strict;

use POSIX ();
use Time::HiRes qw/ time /;

# percent of the time of all CPUs, above which a measurement doesn't count
use constant STEAL_MAX => 1;
use constant OTHER_MAX => 3;

my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK()) || 100;


sub new {
    my ($class, $stack, $load) = @_;

    return bless { stack => $stack, load => $load }, $class;
}


sub cpu {
    my ($self) = @_;
    my $pids = $self->{stack}->pids();
    my $clients = $self->{stack}->clients();

    my %group = (
        ircd => $pids->{ircd},
        nginx => $pids->{nginx} || [],
        client => [ @{ $clients->{fixed} }, @{ $clients->{users} } ],
        load => [ $self->{load}->pid() ],
    );

    my %reading = (time => time());
    my %ours = ($$ => 1);

    for my $name (keys %group) {
        $reading{$name} = 0;

        for my $pid (@{ $group{$name} }) {
            $ours{$pid} = 1;
            $reading{$name} += _schedstat($pid) / 1e9;
        }
    }

    $reading{client} += (_stat($_))[2] for @{ $pids->{layers} || [] };
    $reading{others} = _others(\%ours);
    ($reading{steal}, $reading{cpus}) = _steal();

    return \%reading;
}


sub between {
    my ($before, $after) = @_;
    my %used = (seconds => $after->{time} - $before->{time});

    $used{$_} = $after->{$_} - $before->{$_}
        for qw/ ircd nginx client load /;

    my $all = $used{seconds} * $after->{cpus} / 100;
    $used{steal} = ($after->{steal} - $before->{steal}) / $all;
    $used{other} = ($after->{others} - $before->{others}) / $all;
    $used{other} = 0 if $used{other} < 0;
    $used{noisy} = $used{steal} > STEAL_MAX || $used{other} > OTHER_MAX
        ? 1 : 0;

    return \%used;
}


# Everybody else's time.  That of processes that have ended is in the account
# of those who waited for them.

sub _others {
    my ($ours) = @_;
    my $others = 0;

    opendir my $dir, '/proc' or return 0;

    for my $pid (grep { /^\d+$/ && !$ours->{$_} } readdir $dir) {
        my (undef, $own, $children) = _stat($pid);
        $others += $own + $children if defined $own;
    }

    return $others;
}


sub _steal {
    open my $fh, '<', '/proc/stat' or return (0, 1);
    my @lines = <$fh>;
    my ($all) = grep { /^cpu / } @lines;
    my $cpus = grep { /^cpu\d/ } @lines;

    return ((split ' ', $all)[8] / $ticks, $cpus || 1);
}


sub _schedstat {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/schedstat" or return 0;
    my $line = <$fh>;

    return defined $line ? (split ' ', $line)[0] : 0;
}


# parent, seconds of the process itself, and of children that it waited for

sub _stat {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/stat" or return ();
    my $line = <$fh>;
    return () if !defined $line;

    my @field = split ' ', substr($line, rindex($line, ')') + 2);

    return ($field[1], ($field[11] + $field[12]) / $ticks,
        ($field[13] + $field[14]) / $ticks);
}


sub memory {
    my ($self) = @_;
    my $pids = $self->{stack}->pids();
    my $clients = $self->{stack}->clients();

    return {
        ircd => _sum($pids->{ircd}),
        nginx => _sum($pids->{nginx} || []),
        fixed => _sum($clients->{fixed}),
        users => _sum($clients->{users}),
    };
}


sub _sum {
    my ($pids) = @_;
    my %sum = (pss => 0, private => 0, rss => 0, processes => scalar @$pids);

    for my $pid (@$pids) {
        open my $fh, '<', "/proc/$pid/smaps_rollup" or next;

        while (my $line = <$fh>) {
            $line =~ /^(Pss|Rss|Private_\w+):\s+(\d+)/ or next;
            $sum{ $1 eq 'Pss' ? 'pss' : $1 eq 'Rss' ? 'rss' : 'private' }
                += $2;
        }
    }

    return \%sum;
}


sub kernel {
    my %kernel = (slab => 0, stacks => 0, tables => 0);
    my %name = (Slab => 'slab', KernelStack => 'stacks',
        PageTables => 'tables', SecPageTables => 'tables');

    open my $fh, '<', '/proc/meminfo' or return \%kernel;

    while (my $line = <$fh>) {
        $line =~ /^(\w+):\s+(\d+)/ && $name{$1} or next;
        $kernel{ $name{$1} } += $2;
    }

    return \%kernel;
}


1;
