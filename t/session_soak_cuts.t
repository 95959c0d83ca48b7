#!/usr/bin/perl

# Tests for browsers that are cut off under load, in each way that a connection
# can end, while nginx is reloaded and processes are killed: they come back and
# miss nothing, and the IRC server notices nothing. ./build.sh soak cuts does
# more of it.

use warnings;
use strict;

use Test::More tests => 2;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

use EIRC::SoakScenarios qw/ cuts /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my %small = (users => 8, cuts => 60, reload => 1);

is_deeply(cuts(Test::Nginx->new(), %small)->{problems}, [], 'cuts');
is_deeply(cuts(Test::Nginx->new(), %small, kills => 30)->{problems}, [],
    'cuts and kills');
