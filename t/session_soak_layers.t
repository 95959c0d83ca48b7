#!/usr/bin/perl

# Tests for socket layers that are killed, and for other programs that take
# their place, under load: every line goes through once and in order, both ways,
# and afterwards the users' processes can be followed as ever. ./build.sh soak
# layer and upgrade do more of it.

use warnings;
use strict;

use Test::More tests => 4;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

use EIRC::SoakScenarios qw/ layer upgrade /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my %small = (users => 8, times => 5);

for my $resume (0, 1) {
    my $how = $resume ? ', of sessions that can be resumed' : '';

    is_deeply(layer(Test::Nginx->new(), %small, resume => $resume)->{problems},
        [], "socket layers killed$how");
    is_deeply(upgrade(Test::Nginx->new(), %small, resume => $resume)
        ->{problems}, [], "socket layers upgraded$how");
}
