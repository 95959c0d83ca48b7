#!/usr/bin/perl

# Runs the program of t/near, which is linked as irc-client-template is: unit
# tests, which are not, see nothing of its memory.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use EIRC::Processes qw/ has_template objs /;

plan(skip_all => 'built without a template of its own') if !has_template();

exec objs() . '/near' or die objs() . "/near: $!\n";
