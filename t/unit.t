#!/usr/bin/perl

# Runs the unit tests of src/lib and src/client: one program for each file of
# t/unit, built by src/Makefile, printing TAP of its own.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use EIRC::Processes qw/ objs /;

use TAP::Parser;

my @names = map { m!([^/]+)\.c$! } sort glob 'unit/*.c';

plan(tests => scalar @names);

# cmocka takes both from the environment

$ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';
delete $ENV{CMOCKA_XML_FILE};

for my $name (@names) {
    my $program = objs() . "/unit/$name";

    if (!-x $program) {
        fail("$name: not built");
        next;
    }

    my $parser = TAP::Parser->new({ exec => [ $program ], merge => 1 });
    my @output;

    while (my $result = $parser->next()) {
        push @output, $result->as_string();
    }

    my $passed = !$parser->has_problems() && $parser->tests_run() > 0
        && $parser->exit() == 0;

    ok($passed, "$name: " . $parser->tests_run() . ' tests');
    diag(join("\n", @output)) if !$passed;
}
