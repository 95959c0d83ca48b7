#!/usr/bin/perl

# Tests for an nginx whose events are no edges: it learns of the end of a
# socket layer, and starts the next one. Debian's nginx has epoll alone.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix poll_module/)->plan(3);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;

events {
    use poll;
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /issue {
            eirc_token_issue on;
        }

        location /chat {
            eirc_pass irc://127.0.0.1:8081;
        }
    }
}

EOC

my $dir = $t->testdir();

$t->run();

is(chat(nick => 'alice')->status(), 101, 'a session');

my ($layer) = layers();
kill 'KILL', $layer;

ok(wait_until(10, sub { grep { $_ != $layer } layers() }),
    'a layer in place of one that was killed');
is(chat(nick => 'alice')->status(), 101, 'a session there');


sub layers {
    return grep { title($_) =~ /sockets 0$/ } processes($dir);
}
