#!/usr/bin/perl

# Tests for what the benchmark makes of its measurements: medians of quiet
# rounds, and comparisons of what one round has of both.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'bench/lib';
use Bench::Results;

select STDERR; $| = 1;
select STDOUT; $| = 1;

plan(tests => 10);

# the machine is half as fast in the second round, and others use it in the
# third

my $results = Bench::Results->new();

round(1, 0, 10, 20);
round(2, 0, 20, 30);
round(3, 1, 10, 50);

is_deeply([ $results->median('fanout', 'eirc', 100, 'chain_us') ],
    [ 25, 2, 3 ], 'median of quiet rounds');
is_deeply([ $results->median('fanout', 'raw', 100, 'chain_us') ], [],
    'nothing measured');

my $bar = bar('CPU of a delivery, 100 users');

cmp_ok(abs($bar->{value} - 1.75), '<', 0.001, 'ratios within quiet rounds');
is($bar->{pass}, 1, '... below a bar');
is($bar->{sure}, 1, '... for sure');

is(bar('CPU of a delivery, the quietest round, 100 users')->{value}, 20,
    'quietest round');

# a figure of 0 is none to be compared with

$results = Bench::Results->new();

round(1, 0, 0, 20);

is(bar('CPU of a delivery, 100 users'), undef, 'nothing to compare with');

# a round without the other system doesn't count

$results = Bench::Results->new();

measured(1, 0, 'eirc', 10);
round(2, 1, 10, 30);

$bar = bar('CPU of a delivery, 100 users');

is($bar->{value}, 3, 'rounds with both');
is($bar->{pass}, 0, '... above a bar');
is($bar->{sure}, 0, '... without a quiet round');


sub round {
    my ($round, $noisy, $proxy, $eirc) = @_;

    measured($round, $noisy, 'proxy', $proxy);
    measured($round, $noisy, 'eirc', $eirc);

    return;
}


sub measured {
    my ($round, $noisy, $system, $us) = @_;

    $results->add(scenario => 'fanout', system => $system, users => 100,
        round => $round, noisy => $noisy, steal => 0, other => 0,
        figures => { chain_us => $us });

    return;
}


sub bar {
    my ($what) = @_;
    my ($bar) = grep { $_->{what} eq $what } @{ $results->bars() };

    return $bar;
}
