#!/usr/bin/perl

# The soak: scenarios of EIRC::SoakScenarios, large. Started by ./build.sh
# soak, which says what there is to be set.
#
#   soak.pl [SCENARIO ...]

use warnings;
use strict;

use FindBin;

use lib "$FindBin::Bin/../lib";

BEGIN { chdir("$FindBin::Bin/..") or die "chdir(): $!\n"; }

use Test::More ();
use Test::Nginx;
use Time::HiRes qw/ time /;

use EIRC::SoakScenarios;

$SIG{$_} = sub { exit 1 } for qw/ INT TERM HUP /;
$| = 1;

my %kills = (users => 'USERS', kills => 'KILLS', pace => 'PACE',
    workers => 'WORKERS', layers => 'LAYERS', resume => 'RESUME',
    step => 'STEP', again => 'AGAIN');

my %set = (
    kills => \%kills, tls => \%kills, unix => \%kills,
    cuts => { users => 'USERS', cuts => 'CUTS', kills => 'CUTS_KILLS',
        workers => 'WORKERS', layers => 'LAYERS' },
    nginx => { users => 'USERS', times => 'NGINX' },
    layer => { users => 'USERS', times => 'LAYER', again => 'LAYER_AGAIN' },
    upgrade => { users => 'USERS', times => 'UPGRADES' },
    reload => { users => 'RELOAD_USERS' },
    corrupt => { users => 'USERS', times => 'CORRUPT' },
    all => { users => 'USERS', seconds => 'SECONDS' },
);

my @names = @ARGV ? @ARGV : EIRC::SoakScenarios::scenarios();
my $seed = number('SEED', int(rand(2 ** 31)));
my $failed = 0;

for my $name (@names) {
    die "No such scenario: $name; there are "
        . join(', ', EIRC::SoakScenarios::scenarios()) . "\n" if !$set{$name};
}

print "SOAK_SEED=$seed ./build.sh soak @names\n";

for my $name (@names) {
    my $t = Test::Nginx->new();
    my $start = time();
    my %opt = (seed => $seed);

    for my $key (keys %{ $set{$name} }) {
        my $value = number($set{$name}{$key}, undef);
        $opt{$key} = $value if defined $value;
    }

    my $result = eval {
        EIRC::SoakScenarios->can($name)->($t, %opt);
    } || { problems => [ $@ ], notes => [], figures => {} };

    my @problems = @{ $result->{problems} };

    printf "%s: %s, %.0f s\n", $name, @problems ? 'FAILED' : 'ok',
        time() - $start;
    print "    $_\n" for @{ $result->{notes} };
    print map { s/\n(?=.)/\n        /gr } map { "    problem: $_\n" }
        @problems;

    if (@problems) {
        $failed++;
        print "    left: ", $t->testdir(), "\n";
        $ENV{TEST_NGINX_LEAVE} = 1;
    }

    undef $t;
    delete $ENV{TEST_NGINX_LEAVE};
}

exit($failed ? 1 : 0);


sub number {
    my ($name, $default) = @_;
    my $value = $ENV{"SOAK_$name"};

    return $default if !defined $value || $value eq '';

    die "SOAK_$name is a number\n" if $value !~ /^\d+$/;

    return $value;
}
