package Bench::Scenarios;

# What is done to each system, and what is noted of it.
#
#   my $scenarios = Bench::Scenarios->new($results, %opt);
#       dir => $dir            for everything that runs, empty
#       seconds => 3           how long each phase of talking lasts
#       options => { ... }     for Bench::Stack
#   $scenarios->crowd($round, $system, $users [, tls => 1])
#       connects, idle, then latency, fan-out and a steady rate
#   $scenarios->replay($round, $users)
#       eIRC's users with full replay rings
#   $scenarios->connect($round, $system, $ircd)
#       one after the other
#   $scenarios->storm($round, $system)     1,000 in a second
#   $scenarios->churn($round, $system)     300 in a second, who leave at once
#
# docs/performance.md says what each is about.

use warnings;
use strict;

use Time::HiRes qw/ sleep time /;

use Bench::Load;
use Bench::Stack;
use Bench::Usage;
use EIRC::Processes qw/ wait_until /;

# Channels of each user: of 100, 20 and 20.  Nobody then has heard 8 KB when
# all are there.

use constant ROOMS => '100,20,20';

use constant CONNECT_USERS => 500;
use constant STORM_RATE => 1000;
use constant CHURN_RATE => 300;
use constant LATENCY_RATE => 1000;
use constant DELIVERIES => 20000;

# an IRC line of talk is so long on average, with its source 117
use constant TEXT => 64;

# what the ring of a session holds (eirc_replay), less the welcome
use constant REPLAY => 56000;

# after so long nothing moves any more
use constant SETTLE => 1.5;


sub new {
    my ($class, $results, %opt) = @_;

    return bless { results => $results, seconds => 3, runs => 0, %opt },
        $class;
}


sub crowd {
    my ($self, $round, $system, $users, %opt) = @_;
    my $name = $opt{tls} ? 'idle_tls' : 'idle';

    $self->_begin($round, $system, $users, %opt);
    $self->_arrive($name, $users, $opt{tls} ? 'tls' : '');

    if (!$opt{tls}) {
        my $s = $self->{seconds};

        $self->_talk('latency', 'whisper rate=' . LATENCY_RATE
            . " seconds=$s size=" . TEXT);
        $self->_talk('fanout', "talk inflight=1 seconds=$s size=" . TEXT);
        $self->_talk('steady', 'talk rate=' . DELIVERIES
            . " seconds=$s size=" . TEXT);
    }

    my $left = $self->{load}->tell('leave');
    my $dropped = $self->{arrived} - $left->{there};

    warn "$system: $dropped users were disconnected: $left->{trouble}\n"
        if $dropped;

    $self->_note('delivered', undef, {
        dropped => $dropped,
        map { $_ => $left->{$_} } qw/ lost doubled late stray delivered /
    });
    $self->_end();

    return;
}


sub connect {
    my ($self, $round, $system, $ircd) = @_;
    my $users = CONNECT_USERS;

    $self->_begin($round, $system, $users, ircd => $ircd);
    $self->_connect("connect_$ircd", "make users=$users nick=u",
        'connect inflight=1 aim=open', $users);
    $self->{load}->tell('leave');
    $self->_end();

    return;
}


sub storm {
    my ($self, $round, $system) = @_;
    my $users = STORM_RATE * 10;

    $self->_begin($round, $system, $users, ircd => 'scripted');
    $self->_connect('storm', "make users=$users nick=u",
        'connect rate=' . STORM_RATE, $users);
    $self->{load}->tell('leave');
    $self->_end();

    return;
}


sub churn {
    my ($self, $round, $system) = @_;
    my $users = CHURN_RATE * 10;

    $self->_begin($round, $system, $users);

    # what is there once stays; and a system settles

    $self->_connect(undef, 'make users=100 nick=w rooms=10',
        'churn rate=' . CHURN_RATE, 100);
    $self->{load}->tell('leave');
    sleep SETTLE;

    my $before = $self->{stack}->left();

    my $figures = $self->_connect(undef, "make users=$users nick=v rooms=10",
        'churn rate=' . CHURN_RATE, $users);
    $self->{load}->tell('leave');

    my $after = $before;
    my $clean = wait_until(10, sub {
        $after = $self->{stack}->left();
        return $after eq $before;
    });

    $figures->{left} = $clean ? 0 : 1;
    warn "$system left something behind: $before; $after\n" if !$clean;

    $self->_note('churn', $self->{used}, $figures);
    $self->_end();

    return;
}


sub _begin {
    my ($self, $round, $system, $users, %opt) = @_;
    my $n = ++$self->{runs};

    $self->{at} = { round => $round, system => $system, users => $users };
    $self->{stack} = Bench::Stack->new("$self->{dir}/$n", system => $system,
        users => $users, %{ $self->{options} }, %opt)->start();
    $self->{load} = Bench::Load->new($self->{options}{objs},
        @{ $self->{stack}->load() });
    $self->{usage} = Bench::Usage->new($self->{stack}, $self->{load});

    return;
}


sub _end {
    my ($self) = @_;
    my @troubles = $self->{stack}->troubles();

    warn "nginx says: $troubles[0]" . (@troubles > 1
        ? '  and ' . (@troubles - 1) . " more\n" : '') if @troubles;

    $self->{load}->end();
    $self->{stack}->stop();
    delete @{$self}{qw/ load stack usage used /};

    return;
}


sub _note {
    my ($self, $scenario, $used, $figures) = @_;

    $self->{results}->add(%{ $self->{at} }, scenario => $scenario,
        steal => $used ? $used->{steal} : 0,
        other => $used ? $used->{other} : 0,
        noisy => $used ? $used->{noisy} : 0, figures => $figures);

    return;
}


# connects all, and notes it where there is a name for it

sub _connect {
    my ($self, $name, $make, $command, $users) = @_;

    $self->{load}->tell($make) if defined $make;

    my $before = $self->{usage}->cpu();
    my $figures = $self->{load}->tell($command);
    my $used = Bench::Usage::between($before, $self->{usage}->cpu());

    warn "$self->{at}{system}: $figures->{failed} of $users failed to"
        . " connect: $figures->{trouble}\n" if $figures->{failed};

    my %note = (
        failed => $figures->{failed},
        heard => $figures->{heard},
        seconds => $figures->{open_seconds},
        open_p50_ms => $figures->{open}{p50} / 1000,
        open_p99_ms => $figures->{open}{p99} / 1000,
        open_max_ms => $figures->{open}{max} / 1000,
        registered_p50_ms => $figures->{registered}{p50} / 1000,
        bridge_cpu_ms => ($used->{client} + $used->{nginx}) * 1000 / $users,
        client_cpu_ms => $used->{client} * 1000 / $users,
        nginx_cpu_ms => $used->{nginx} * 1000 / $users,
        ircd_cpu_ms => $used->{ircd} * 1000 / $users,
    );

    $self->{used} = $used;
    $self->_note($name, $used, \%note) if defined $name;

    return \%note;
}


# all come into their channels; then it is looked what each of them takes

sub _arrive {
    my ($self, $name, $users, $suffix) = @_;

    $self->{load}->tell("make users=$users nick=u rooms=" . ROOMS);

    my $memory = $self->{usage}->memory();
    my $kernel = Bench::Usage::kernel();

    my $arrived = $self->_connect($suffix ? "arrive_$suffix" : 'arrive',
        undef, 'connect inflight=64 aim=open', $users);
    sleep SETTLE;

    # first the kernel's share: to look at processes takes memory of it

    my $kernel_now = Bench::Usage::kernel();
    my $before = $self->{usage}->cpu();
    my $figures = $self->_memory($memory, $users);
    my $used = Bench::Usage::between($before, $self->{usage}->cpu());

    for my $part (keys %$kernel) {
        $figures->{"${part}_kb"}
            = ($kernel_now->{$part} - $kernel->{$part}) / $users;
        $figures->{kernel_kb} += $figures->{"${part}_kb"};
    }

    $self->{arrived} = $users - $arrived->{failed};
    $figures->{heard_kb} = $arrived->{heard} / 1024;
    $self->{before} = $memory;
    $self->_note($name, $used, $figures);

    return;
}


sub _memory {
    my ($self, $before, $users) = @_;
    my $now = $self->{usage}->memory();
    my %figures;

    for my $part (qw/ ircd nginx fixed users /) {
        $figures{"${part}_kb"}
            = ($now->{$part}{pss} - $before->{$part}{pss}) / $users;
    }

    $figures{bridge_kb} = $figures{nginx_kb} + $figures{fixed_kb}
        + $figures{users_kb};
    $figures{users_private_kb} = $now->{users}{private} / $users;
    $figures{users_rss_kb} = $now->{users}{rss} / $users;
    $figures{whole_fixed_kb} = $now->{fixed}{pss};

    return \%figures;
}


sub _talk {
    my ($self, $name, $command) = @_;
    my $before = $self->{usage}->cpu();
    my $figures = $self->{load}->tell($command);
    my $used = Bench::Usage::between($before, $self->{usage}->cpu());
    my $n = $figures->{deliveries} || 1;

    my %note = (
        p50_us => $figures->{latency}{p50},
        p99_us => $figures->{latency}{p99},
        max_us => $figures->{latency}{max},
        per_second => $figures->{deliveries} / $figures->{seconds},
        missing => $figures->{missing},
    );

    for my $part (qw/ ircd nginx client load /) {
        $note{"${part}_us"} = $used->{$part} * 1e6 / $n;
    }

    $note{chain_us} = $note{ircd_us} + $note{nginx_us} + $note{client_us};
    $self->_note($name, $used, \%note);

    return;
}


# memory when the ring of each session is full: those of users who ask to be
# able to come back keep what was not confirmed

sub replay {
    my ($self, $round, $users) = @_;

    $self->_begin($round, 'eirc', $users);
    $self->{load}->tell("make users=$users nick=u resume=1 rooms=" . ROOMS);
    $self->{before} = $self->{usage}->memory();
    $self->_connect('arrive_replay', undef, 'connect inflight=64 aim=open',
        $users);
    $self->{load}->tell('talk inflight=8 size=400 bytes=' . REPLAY);
    sleep SETTLE;

    my $before = $self->{usage}->cpu();
    my $figures = $self->_memory($self->{before}, $users);
    my $used = Bench::Usage::between($before, $self->{usage}->cpu());

    $self->_note('idle_replay', $used, $figures);
    $self->{load}->tell('leave');
    $self->_end();

    return;
}


1;
