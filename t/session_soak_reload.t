#!/usr/bin/perl

# Tests for nginx under load: after a reload all browsers are told to come back,
# spread over the drain time, and all of them do; after the death of a worker
# they come back as well. ./build.sh soak reload nginx does more of it.

use warnings;
use strict;

use Test::More tests => 2;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

use EIRC::SoakScenarios qw/ nginx reload /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $result = reload(Test::Nginx->new(), users => 40, pace => 200_000);

is_deeply($result->{problems}, [], 'reload');

$result = nginx(Test::Nginx->new(), users => 8, times => 4);

is_deeply($result->{problems}, [], 'workers of nginx killed');
