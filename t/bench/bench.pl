#!/usr/bin/perl

# The benchmark: the same work put to InspIRCd, its WebSocket, nginx before
# that, and eIRC, in turn and several times over.  Started by ./build.sh bench,
# which says where everything is; docs/performance.md says what is measured.
#
#   bench.pl [--quick] DIRECTORY

use warnings;
use strict;

use FindBin;

use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use File::Path qw/ make_path /;
use File::Temp qw/ tempdir /;
use JSON::PP;
use POSIX qw/ strftime /;
use Time::HiRes qw/ time /;

use Bench::Curves;
use Bench::Report;
use Bench::Results;
use Bench::Scenarios;
use Test::More ();

$SIG{$_} = sub { exit 1 } for qw/ INT TERM HUP /;
$| = 1;

my $quick = @ARGV && $ARGV[0] eq '--quick' ? shift @ARGV : 0;
my $out = shift @ARGV;

die "Usage: bench.pl [--quick] DIRECTORY\n" if !defined $out || @ARGV;

my @users = list('BENCH_USERS', $quick ? '100 1000' : '100 1000 10000');
my @tls = list('BENCH_TLS_USERS', $quick ? '' : '1000');
my @systems = list('BENCH_SYSTEMS', 'raw ws proxy eirc');
my @parts = list('BENCH_PARTS', 'crowd connect storm churn');
my $rounds = number('BENCH_ROUNDS', $quick ? 1 : 3);
my $seconds = number('BENCH_SECONDS', $quick ? 1 : 3);

my %have = map { $_ => 1 } @systems;
my %part = map { $_ => 1 } @parts;

my $results = Bench::Results->new();
my $machine = machine();
my $start = time();

my $dir = tempdir('eirc-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);

chmod 0755, $dir or die "$dir: $!\n";

my $scenarios = Bench::Scenarios->new($results, seconds => $seconds,
    dir => $dir,
    options => {
        objs => $ENV{EIRC_OBJS}, nginx => $ENV{BENCH_NGINX},
        module => $ENV{BENCH_MODULE}, client => "$ENV{EIRC_OBJS}/irc-client",
        pin => number('BENCH_PIN', 1),
    });

make_path($out);

# the largest of up to 1,000 shows what a full replay ring takes

my ($replay) = sort { $b <=> $a } grep { $_ <= 1000 } @users;

for my $round (1 .. $rounds) {
    for my $n (@users) {
        last if !$part{crowd};

        for my $system (@systems) {
            say_what($round, "$system, $n users");
            $scenarios->crowd($round, $system, $n);
        }
    }

    if ($part{crowd} && $have{eirc} && defined $replay) {
        say_what($round, "eirc with full replay rings, $replay users");
        $scenarios->replay($round, $replay);
    }

    for my $n (@tls) {
        last if !$part{crowd} || !$have{eirc};

        say_what($round, "eirc with TLS, $n users");
        $scenarios->crowd($round, 'eirc', $n, tls => 1);
    }

    for my $system (@systems) {
        for my $ircd ($part{connect} ? qw/ scripted inspircd / : ()) {
            say_what($round, "$system, connecting to $ircd");
            $scenarios->connect($round, $system, $ircd);
        }
    }

    for my $system (grep { /^(?:proxy|eirc)$/ } @systems) {
        if ($part{storm} && !$quick) {
            say_what($round, "$system, 1,000 new users in a second");
            $scenarios->storm($round, $system);
        }

        if ($part{churn}) {
            say_what($round, "$system, 300 coming and going in a second");
            $scenarios->churn($round, $system);
        }
    }

    report();
}

my $text = Bench::Report::text($results, $machine);

print "\n$text\nin $out: bench.json, bench.txt, bench.svg\n";


# written after each round, for those who don't wait for the last

sub report {
    write_file('bench.json', JSON::PP->new()->canonical()->pretty()->encode({
        machine => $machine, rounds => $rounds, seconds => $seconds,
        bars => $results->bars(), records => $results->records(),
    }));
    write_file('bench.txt', Bench::Report::text($results, $machine));
    write_file('bench.svg', Bench::Curves::svg($results, $machine));

    return;
}


sub write_file {
    my ($name, $content) = @_;

    open my $fh, '>', "$out/$name" or die "Can't write $out/$name: $!\n";
    print $fh $content;
    close $fh or die "Can't write $out/$name: $!\n";

    return;
}


sub say_what {
    my ($round, $what) = @_;

    printf "%5.0f s  round %d of %d: %s\n", time() - $start, $round, $rounds,
        $what;

    return;
}


sub list {
    my ($name, $default) = @_;
    my $value = defined $ENV{$name} ? $ENV{$name} : $default;

    return split /[\s,]+/, $value =~ s/^\s+//r;
}


sub number {
    my ($name, $default) = @_;
    my $value = defined $ENV{$name} ? $ENV{$name} : $default;

    die "$name is a number\n" if $value !~ /^\d+(?:\.\d+)?$/;

    return $value;
}


sub machine {
    my ($cpus, $model) = (0, '');

    open my $fh, '<', '/proc/cpuinfo' or die "No /proc/cpuinfo: $!\n";

    for (<$fh>) {
        $cpus++ if /^processor/;
        $model = $1 if /^model name\s*:\s*(.*\S)/;
    }

    my $tcp = '';

    if (open my $file, '<', '/proc/sys/net/ipv4/tcp_congestion_control') {
        chomp($tcp = <$file>);
    }

    return sprintf '%d x %s, Linux %s, TCP %s, %s', $cpus, $model,
        (POSIX::uname())[2], $tcp, strftime('%Y-%m-%d', localtime);
}
