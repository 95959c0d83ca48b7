package Bench::Results;

# All that was measured, and what is to be said of it.
#
#   my $results = Bench::Results->new();
#   $results->add(scenario => 'fanout', system => 'eirc', users => 1000,
#       round => 1, noisy => 0, steal => 0, other => 0, figures => { ... });
#   $results->records()
#   $results->users($scenario)     numbers of users that there are
#   my ($median, $quiet, $all) = $results->median($scenario, $system, $users,
#       $figure)      over the rounds that were quiet; where none was, over
#                     all; undef where there is nothing
#   $results->bars()  [ { what, value, bar, unit, pass, sure }, ... ]

use warnings;
use strict;


sub new {
    my ($class) = @_;

    return bless { records => [] }, $class;
}


sub add {
    my ($self, %record) = @_;

    push @{ $self->{records} }, \%record;

    return;
}


sub records { return $_[0]{records} }


sub users {
    my ($self, $scenario) = @_;
    my %users = map { $_->{users} => 1 }
        grep { $_->{scenario} eq $scenario } @{ $self->{records} };

    my @users = sort { $a <=> $b } keys %users;

    return @users;
}


sub median {
    my ($self, $scenario, $system, $users, $figure) = @_;

    my @all = $self->_measured($scenario, $system, $users, $figure);
    my @quiet = grep { !$_->{noisy} } @all;

    return () if !@all;

    return (_middle(map { $_->{figures}{$figure} } @quiet ? @quiet : @all),
        scalar @quiet, scalar @all);
}


sub _measured {
    my ($self, $scenario, $system, $users, $figure) = @_;

    return grep { $_->{scenario} eq $scenario && $_->{system} eq $system
        && $_->{users} == $users && defined $_->{figures}{$figure} }
        @{ $self->{records} };
}


sub _middle {
    my @values = sort { $a <=> $b } @_;
    my $middle = @values / 2;

    return @values % 2 ? $values[int $middle]
        : ($values[$middle - 1] + $values[$middle]) / 2;
}


sub bars {
    my ($self) = @_;

    $self->{bars} = [];

    $self->_bars_idle();
    $self->_bars_connect();
    $self->_bars_talk();
    $self->_bars_flat();
    $self->_bars_whole();

    return $self->{bars};
}


sub _bars_idle {
    my ($self) = @_;

    for my $n ($self->users('idle')) {
        $self->_bar("memory of an idle user, $n users", 'KB PSS', 100,
            $self->_of('idle', $n, 'bridge_kb'));

        # the user's own end and the IRC server's are there in any case

        my @kernel = map { [ 'idle', $_, $n, 'kernel_kb' ] } qw/ eirc raw /;

        $self->_bar("the kernel's share, less that without eIRC, $n users",
            'KB', 120, $self->_less(@kernel));
    }

    for my $n ($self->users('idle_tls')) {
        $self->_bar("memory with TLS to the IRC server, $n users", 'KB PSS',
            180, $self->_of('idle_tls', $n, 'bridge_kb'));
    }

    return;
}


sub _bars_connect {
    my ($self) = @_;

    for my $ircd (qw/ scripted inspircd /) {
        my $scenario = "connect_$ircd";

        for my $n ($self->users($scenario)) {
            $self->_bar("time to 101, more than the proxy, $ircd", 'ms p50',
                2, $self->_less($self->_both($scenario, $n, 'open_p50_ms')));
        }
    }

    for my $n ($self->users('connect_scripted')) {
        $self->_bar('CPU of a new session', 'ms', 0.5,
            $self->_of('connect_scripted', $n, 'bridge_cpu_ms'));
    }

    for my $n ($self->users('storm')) {
        $self->_bar('CPU of a new session, 1,000/s', 'ms', 0.5,
            $self->_of('storm', $n, 'bridge_cpu_ms'));
    }

    return;
}


sub _bars_talk {
    my ($self) = @_;

    for my $n ($self->users('latency')) {
        $self->_bar("latency p50, $n users", 'x proxy', 1.5,
            $self->_ratio($self->_both('latency', $n, 'p50_us')));
        $self->_bar("latency p99, $n users", 'x proxy', 2,
            $self->_ratio($self->_both('latency', $n, 'p99_us')));
    }

    for my $n ($self->users('fanout')) {
        $self->_bar("CPU of a delivery, $n users", 'x proxy', 2,
            $self->_ratio($self->_both('fanout', $n, 'chain_us')));
        $self->_bar("CPU of a delivery, the quietest round, $n users", 'us',
            22, $self->_quietest('fanout', $n, 'chain_us'));
        $self->_bar("fan-out deliveries/s, $n users", 'x proxy', 0.6,
            $self->_ratio($self->_both('fanout', $n, 'per_second')), least => 1);
    }

    return;
}


# from the smallest to the largest number of users

sub _bars_flat {
    my ($self) = @_;

    for my $what ([ 'memory of a user', 'idle', 'bridge_kb' ],
        [ 'CPU of a delivery, fan-out', 'fanout', 'chain_us' ],
        [ 'CPU of a delivery, 20,000/s', 'steady', 'chain_us' ])
    {
        my @n = $self->users($what->[1]);
        next if @n < 2;

        $self->_bar("$what->[0], $n[-1] users", "x $n[0] users", 1.3,
            $self->_ratio(map { [ $what->[1], 'eirc', $_, $what->[2] ] }
                $n[-1], $n[0]));
    }

    return;
}


# what nobody may lose, whether it was quiet or not

sub _bars_whole {
    my ($self) = @_;
    my %sum;

    for my $record (grep { $_->{system} eq 'eirc' } @{ $self->{records} }) {
        my $figures = $record->{figures};

        $sum{connect} += $figures->{failed} || 0;
        $sum{dropped} += $figures->{dropped} || 0;
        $sum{left} += $figures->{left} if defined $figures->{left};
        $sum{lost} += $figures->{lost} if defined $figures->{lost};
        $sum{doubled} += $figures->{$_} || 0 for qw/ doubled late stray /;
    }

    $self->_bar('connections that failed', '', 0, $sum{connect}, 1);
    $self->_bar('connections that were lost', '', 0, $sum{dropped}, 1);
    $self->_bar('messages lost', '', 0, $sum{lost}, 1);
    $self->_bar('messages doubled, late or astray', '', 0, $sum{doubled}, 1);
    $self->_bar('churns that left something behind', '', 0, $sum{left}, 1);

    return;
}


sub _of {
    my ($self, $scenario, $n, $figure) = @_;
    my ($value, $quiet) = $self->median($scenario, 'eirc', $n, $figure);

    return ($value, $quiet);
}


# the least of those that count

sub _quietest {
    my ($self, $scenario, $n, $figure) = @_;
    my @all = $self->_measured($scenario, 'eirc', $n, $figure);
    my @quiet = grep { !$_->{noisy} } @all;
    my ($least) = sort { $a <=> $b }
        map { $_->{figures}{$figure} } @quiet ? @quiet : @all;

    return ($least, scalar @quiet);
}


# what is compared: of eIRC, of the proxy

sub _both {
    my ($self, $scenario, $n, $figure) = @_;

    return map { [ $scenario, $_, $n, $figure ] } qw/ eirc proxy /;
}


# Of two figures: the median over the rounds in which both were quiet, or, where
# there is none, over all.  A round is a few minutes, in which a machine changes
# less than in the whole.

sub _compared {
    my ($self, $how, $of, $to) = @_;
    my ($these, $those) = map { $self->_rounds(@$_) } $of, $to;

    my @all = grep { defined $_->{value} }
        map { { noisy => $these->{$_}{noisy} || $those->{$_}{noisy},
            value => $how->($these->{$_}{value}, $those->{$_}{value}) } }
        grep { $those->{$_} } keys %$these;
    my @quiet = grep { !$_->{noisy} } @all;
    my @values = map { $_->{value} } @quiet ? @quiet : @all;

    return @values ? (_middle(@values), scalar @quiet) : (undef, 0);
}


sub _rounds {
    my ($self, $scenario, $system, $users, $figure) = @_;

    return { map { $_->{round} => {
                value => $_->{figures}{$figure}, noisy => $_->{noisy} } }
        $self->_measured($scenario, $system, $users, $figure) };
}


sub _ratio {
    my ($self, @two) = @_;

    return $self->_compared(sub { $_[1] ? $_[0] / $_[1] : undef }, @two);
}


sub _less {
    my ($self, @two) = @_;

    return $self->_compared(sub { $_[0] - $_[1] }, @two);
}


sub _bar {
    my ($self, $what, $unit, $bar, $value, $sure, %opt) = @_;

    return if !defined $value;

    push @{ $self->{bars} }, {
        what => $what, unit => $unit, bar => $bar, value => $value,
        least => $opt{least} ? 1 : 0, sure => $sure ? 1 : 0,
        pass => ($opt{least} ? $value >= $bar : $value <= $bar) ? 1 : 0,
    };

    return;
}


1;
