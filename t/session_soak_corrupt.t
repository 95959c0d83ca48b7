#!/usr/bin/perl

# Tests for segments in which bits have changed: who they belong to may lose the
# session, but there is no end to a crash only, and nobody else notices. ./build.sh
# soak corrupt does more of it.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

use EIRC::SoakScenarios qw/ corrupt /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

plan(skip_all => 'root alone may change segments') if $> != 0;
plan(tests => 1);

is_deeply(corrupt(Test::Nginx->new(), users => 10, times => 30)->{problems}, [],
    'corrupted segments');
