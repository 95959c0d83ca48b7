#!/usr/bin/perl

# Tests for processes of users that are killed under load, at random instants,
# behind system calls, and while they are taking over: every line goes through
# once and in order, both ways. ./build.sh soak kills does more of it.

use warnings;
use strict;

use Test::More tests => 2;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

use EIRC::SoakScenarios qw/ kills /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my %small = (users => 8, kills => 60, max => 10000);

is_deeply(kills(Test::Nginx->new(), %small)->{problems}, [], 'kills');
is_deeply(kills(Test::Nginx->new(), %small, resume => 1)->{problems}, [],
    'kills of sessions that can be resumed');
