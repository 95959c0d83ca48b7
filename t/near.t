#!/usr/bin/perl

# Runs the program of t/near, which is linked as irc-client-template is: unit
# tests, which are not, see nothing of its memory.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use EIRC::Processes qw/ irc_client objs /;

plan(skip_all => 'no template of its own was built')
    if !-e irc_client() . '-template';

exec objs() . '/near' or die objs() . "/near: $!\n";
