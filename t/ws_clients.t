#!/usr/bin/perl

# Tests for clients of others with compression on: "ws" of npm and
# "websockets" of Debian, with text, binary, large and many messages.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http/);

-d 'clients/node_modules/ws'
    or BAIL_OUT('no packages from npm: ./build.sh test installs them');

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_max_message_size 16m;

        location /on {
            eirc_echo on;
        }

        location /context {
            eirc_echo on;
            eirc_deflate context window=15 client_window=15;
        }

        location /off {
            eirc_echo on;
            eirc_deflate off;
        }
    }
}

EOC

# Debian's own Python has Debian's library

my $python = '/usr/bin/python3';
my $snct = 'server_no_context_takeover';
my $cnct = 'client_no_context_takeover';

# what, location, its last argument, what is agreed on

my @runs = (
    ['node clients/ws.js', 'on', '', "$snct; $cnct"],
    ['node clients/ws.js', 'context', '', "$snct; $cnct"],
    ['node clients/ws.js', 'context', 'context', ''],
    ["$python clients/websockets_echo.py", 'on', '', "$snct; $cnct"],
    ["$python clients/websockets_echo.py", 'context', '', ''],
    ["$python clients/websockets_echo.py", 'context', '9',
        'server_max_window_bits=9; client_max_window_bits=9'],
    ["$python clients/websockets_echo.py", 'off', '', undef],
);

$t->plan(7 * @runs);

$t->run();

for my $run (@runs) {
    my ($program, $location, $last, $params) = @$run;
    my $url = 'ws://127.0.0.1:' . port(8080) . "/$location";
    my $name = "$program $location $last" =~ s!^\S+ clients/!!r;

    my $out = `$program $url $last 2>&1`;

    # "ws" says the name alone

    my $want = !defined $params ? 'None'
        : $program =~ /node/ || $params eq '' ? 'permessage-deflate'
        : "permessage-deflate; $params";

    like($out, qr/^extensions: \Q$want\E$/m, "$name: agreed")
        or diag($out);
    like($out, qr/^text: 4 of 4$/m, "$name: text");
    like($out, qr/^binary: 5 of 5$/m, "$name: binary");
    like($out, qr/^large: 3 of 3$/m, "$name: large messages");
    like($out, qr/^many: 2000 of 2000$/m, "$name: many messages");
    like($out, qr/^pong: ping$/m, "$name: ping");
    like($out, qr/^closed: 1000$/m, "$name: closed");
}
