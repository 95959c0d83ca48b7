#!/usr/bin/perl

# The page's modules without a view: IRC lines, state, connection with a fake
# WebSocket, commands, conversations.  The tests of t/web/ are types checked,
# compiled and run by Node; their output is theirs.

use warnings;
use strict;

use Test::More;

use Cwd qw/abs_path/;
use File::Temp qw/tempdir/;
use FindBin;

my $web = abs_path("$FindBin::Bin/../src/web");
my $bin = "$web/node_modules/.bin";
my $dir = tempdir('eirc-web-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my @tests = sort glob("$FindBin::Bin/web/*.test.ts");

$ENV{NO_COLOR} = 1;
delete $ENV{NODE_OPTIONS};
delete $ENV{FORCE_COLOR};

plan(tests => 4 + @tests);

ok(-x "$bin/esbuild" && -x "$bin/tsc", 'packages of the page')
    or BAIL_OUT("nothing is installed in src/web: ./build.sh build does it");

is(run("$bin/tsc", '--noEmit', '-p', $web), '', 'types of the page');
is(run("$bin/tsc", '--noEmit', '-p', "$FindBin::Bin/web"), '',
    'types of the tests');

is(run("$bin/esbuild", @tests, '--bundle', '--platform=node', '--format=esm',
    '--target=node18', '--out-extension:.js=.mjs', '--log-level=warning',
    "--outdir=$dir"), '', 'compiled');

foreach my $test (@tests) {
    my ($name) = $test =~ m!([^/]+)\.ts$!;

    my $out = run('node', '--test-reporter=tap', "$dir/$name.mjs");
    my ($passed) = $out =~ /^# pass (\d+)/m;
    my ($failed) = $out =~ /^# fail (\d+)/m;

    ok($passed && defined $failed && $failed == 0, "$name: "
        . ($passed // 0) . ' passed') or diag($out);
}


# All that a program says; its failure, too.

sub run {
    my (@command) = @_;

    my $pid = open(my $pipe, '-|') // die "fork: $!";

    if ($pid == 0) {
        open(STDERR, '>&', \*STDOUT);
        exec(@command) or print "$command[0]: $!\n";
        exit(1);
    }

    my $out = do { local $/; <$pipe> } // '';

    close($pipe);

    return $? == 0 ? $out : $out . "$command[0] ended with $?\n";
}
