package Bench::Report;

# The results as tables, which can be read as they are and as Markdown.
#
#   print Bench::Report::text($results, $machine);

use warnings;
use strict;

my @systems = qw/ raw ws proxy eirc /;

my %names = (
    raw => 'InspIRCd',
    ws => 'its WebSocket',
    proxy => 'nginx proxy',
    eirc => 'eIRC',
);

# title, scenario, and what is in each line: text, figure, digits

my @tables = (
    [ 'Memory of an idle user: three channels, less than 8 KB heard', 'idle',
        [ 'irc-client and nginx, KB PSS', 'bridge_kb', 1 ],
        [ '... of it the process of a user', 'users_kb', 1 ],
        [ '... private', 'users_private_kb', 1 ],
        [ '... of it nginx', 'nginx_kb', 1 ],
        [ 'the IRC server, KB PSS', 'ircd_kb', 1 ],
        [ 'the kernel, KB, with both ends', 'kernel_kb', 1 ],
        [ '... slab', 'slab_kb', 1 ],
        [ '... page tables', 'tables_kb', 1 ],
        [ '... stacks', 'stacks_kb', 1 ],
        [ 'heard by whoever heard most, KB', 'heard_kb', 1 ] ],
    [ 'The same with TLS to the IRC server', 'idle_tls',
        [ 'irc-client and nginx, KB PSS', 'bridge_kb', 1 ],
        [ '... of it TLS relays', 'fixed_kb', 1 ],
        [ 'the kernel, KB, with both ends', 'kernel_kb', 1 ] ],
    [ 'The same with a full replay ring of 64 KB', 'idle_replay',
        [ 'irc-client and nginx, KB PSS', 'bridge_kb', 1 ] ],
    [ 'Connecting one after the other, a server that answers at once',
        'connect_scripted',
        [ 'time to 101, ms p50', 'open_p50_ms', 3 ],
        [ 'ms p99', 'open_p99_ms', 3 ],
        [ 'time to 001, ms p50', 'registered_p50_ms', 3 ],
        [ 'CPU of nginx, ms', 'nginx_cpu_ms', 3 ],
        [ 'CPU of irc-client, ms', 'client_cpu_ms', 3 ] ],
    [ 'Connecting one after the other, InspIRCd', 'connect_inspircd',
        [ 'time to 101, ms p50', 'open_p50_ms', 3 ],
        [ 'ms p99', 'open_p99_ms', 3 ],
        [ 'time to 001, ms p50', 'registered_p50_ms', 1 ],
        [ 'CPU of nginx and irc-client, ms', 'bridge_cpu_ms', 3 ] ],
    [ '1,000 new users in a second, for 10 s', 'storm',
        [ 'failed', 'failed', 0 ],
        [ 'seconds to the last 101', 'seconds', 2 ],
        [ 'time to 101, ms p50', 'open_p50_ms', 1 ],
        [ 'ms p99', 'open_p99_ms', 1 ],
        [ 'CPU of nginx and irc-client, ms', 'bridge_cpu_ms', 3 ] ],
    [ '300 in a second who join a channel and quit, for 10 s', 'churn',
        [ 'failed', 'failed', 0 ],
        [ 'left behind', 'left', 0 ],
        [ 'CPU of nginx and irc-client, ms', 'bridge_cpu_ms', 3 ] ],
    [ 'Latency, 1,000 messages/s from one to one', 'latency',
        [ 'us p50', 'p50_us', 0 ],
        [ 'us p99', 'p99_us', 0 ],
        [ 'CPU of the chain for a message, us', 'chain_us', 1 ] ],
    [ 'Fan-out to channels of 100, one message in flight', 'fanout',
        [ 'deliveries/s', 'per_second', 0 ],
        [ 'CPU of the chain for a delivery, us', 'chain_us', 2 ],
        [ '... the IRC server', 'ircd_us', 2 ],
        [ '... nginx', 'nginx_us', 2 ],
        [ '... irc-client', 'client_us', 2 ],
        [ 'CPU of the load for a delivery, us', 'load_us', 2 ] ],
    [ 'Channels of 100, 20,000 deliveries/s', 'steady',
        [ 'us p50', 'p50_us', 0 ],
        [ 'us p99', 'p99_us', 0 ],
        [ 'CPU of the chain for a delivery, us', 'chain_us', 2 ],
        [ '... the IRC server', 'ircd_us', 2 ],
        [ '... nginx', 'nginx_us', 2 ],
        [ '... irc-client', 'client_us', 2 ] ],
);


sub text {
    my ($results, $machine) = @_;
    my $text = "$machine\n\n";

    for my $table (@tables) {
        my ($title, $scenario, @lines) = @$table;

        $text .= _table($results, $title, $scenario, @lines)
            if $results->users($scenario);
    }

    return $text . _noise($results) . _bars($results);
}


sub _table {
    my ($results, $title, $scenario, @lines) = @_;
    my @rows = ([ 'users', '', map { $names{$_} } @systems ]);

    for my $users ($results->users($scenario)) {
        my $first = $users;

        for my $line (@lines) {
            my ($what, $figure, $digits) = @$line;

            push @rows, [ $first, $what, map { _value($results, $scenario,
                $_, $users, $figure, $digits) } @systems ];
            $first = '';
        }
    }

    return "**$title**\n\n" . _grid(@rows) . "\n";
}


# a "~" where no round was quiet

sub _value {
    my ($results, $scenario, $system, $users, $figure, $digits) = @_;
    my ($value, $quiet) = $results->median($scenario, $system, $users,
        $figure);

    return '' if !defined $value;
    return ($quiet ? '' : '~') . _number($value, $digits);
}


sub _number {
    my ($value, $digits) = @_;
    my $text = sprintf '%.*f', $digits, $value;

    $text =~ s/^-(0(?:\.0+)?)$/$1/;
    1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;

    return $text;
}


sub _grid {
    my (@rows) = @_;
    my @width;

    for my $row (@rows) {
        for my $i (0 .. $#$row) {
            my $n = length $row->[$i];
            $width[$i] = $n if !defined $width[$i] || $width[$i] < $n;
        }
    }

    my $rule = [ map { '-' x $_ } @width ];
    my $text = '';

    for my $row ($rows[0], $rule, @rows[1 .. $#rows]) {
        my $line = join ' | ', map { sprintf $_ < 2 ? '%-*s' : '%*s',
            $width[$_], $row->[$_] } 0 .. $#$row;
        $text .= "| $line |\n";
    }

    return $text;
}


sub _noise {
    my ($results) = @_;
    my @measured = grep { $_->{scenario} ne 'delivered' }
        @{ $results->records() };
    my @noisy = grep { $_->{noisy} } @measured;
    my ($steal, $other) = (0, 0);

    for my $record (@measured) {
        $steal = $record->{steal} if $record->{steal} > $steal;
        $other = $record->{other} if $record->{other} > $other;
    }

    return sprintf "%d measurements, %d of them noisy and not counted (steal"
        . " above %g%% or other processes above %g%% of the CPUs' time;"
        . " the most there was: %.1f%%, %.1f%%). A figure with a ~ has no"
        . " quiet round.\n\n", scalar @measured, scalar @noisy,
        Bench::Usage::STEAL_MAX(), Bench::Usage::OTHER_MAX(), $steal, $other;
}


sub _bars {
    my ($results) = @_;
    my @rows = ([ 'bar', 'unit', 'at', 'eIRC', '' ]);

    for my $bar (@{ $results->bars() }) {
        push @rows, [ $bar->{what}, $bar->{unit},
            ($bar->{least} ? 'least ' : 'most ') . $bar->{bar},
            ($bar->{sure} ? '' : '~') . _number($bar->{value},
                $bar->{value} == int $bar->{value} ? 0 : 2),
            $bar->{pass} ? 'pass' : 'miss' ];
    }

    return "**Bars**\n\n" . _grid(@rows);
}


1;
