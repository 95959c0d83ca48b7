#!/usr/bin/perl

# Tests for processes of users that are killed under load while their IRC
# connections go through relays, with TLS and to a UNIX socket: the relays'
# counters say what was done. ./build.sh soak tls unix does more of it.

use warnings;
use strict;

use Test::More tests => 2;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

use EIRC::SoakScenarios qw/ tls unix /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my %small = (users => 8, kills => 40, max => 10000);

is_deeply(tls(Test::Nginx->new(), %small)->{problems}, [], 'TLS');
is_deeply(unix(Test::Nginx->new(), %small)->{problems}, [], 'UNIX socket');
