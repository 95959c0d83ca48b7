#!/usr/bin/perl

# Tests for what logs say of browsers that come back: no key, whoever writes
# and in whatever way it was sent, and the session's ID.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Layer;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(22);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format  chat  '$remote_addr [$time_local] $server_name$uri $status '
                      'session=$eirc_session nick="$eirc_nick" '
                      'account="$eirc_account" close=$eirc_close_code '
                      'in=$eirc_lines_in out=$eirc_lines_out '
                      'time=$request_time';

    error_log   %%TESTDIR%%/info.log info;
    access_log  %%TESTDIR%%/request.log combined;
    access_log  %%TESTDIR%%/chat.log chat;

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass          irc://irc.example.net;
            eirc_auth_request  /auth;
        }

        location /auth {
            internal;
            access_log  off;
            proxy_pass  http://127.0.0.1:8081;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;
        access_log   off;

        location / {
            default_type application/json;
            return 200 '{"nick":"alice"}';
        }
    }
}

EOC

my $dir = $t->testdir() . "/run";
my $key = '0123456789abcdef' x 4;
my $token = 'the-token';
my $layer = EIRC::Layer->start($dir, id => '0-abc',
    resume => { nick => 'al', account => 'a1' });

$t->run();

# asked for: there is a token, and the key that nginx makes

my $ws = EIRC::WebSocket->connect(port(8080),
    "/chat?chat_token=$token&resume=");
my $made = (split ' ', $ws->read_message()->{payload})[3];

is(line($t, $ws), 'GET /chat?chat_token=*********&resume= HTTP/1.1',
    'asked for');

# back, in all ways that nginx finds the argument in

for my $case (
    [ "/chat?resume=0-abc.$key.1", '/chat?resume=#' ],
    [ "/chat?a=b&resume=0-abc.$key.1&c=d", '/chat?a=b&resume=#&c=d' ],
    [ "/chat?RESUME=0-abc.$key.1", '/chat?RESUME=#' ],
    [ "/chat?Resume=0-abc.$key.1", '/chat?Resume=#' ],
    [ "/chat?resume=0-abc.$key.1&resume=0-abc.$key.1",
        '/chat?resume=#&resume=#' ],
    [ "/chat?resume=0-abc.$key.1&chat_token=other",
        '/chat?resume=#&chat_token=*****' ],
    [ "/chat?resume=0-abc.$key.1&x=resume=", '/chat?resume=#&x=resume=' ],
) {
    my ($uri, $masked) = @$case;
    my $stars = '*' x length "0-abc.$key.1";

    $masked =~ s/#/$stars/g;
    is(line($t, EIRC::WebSocket->connect(port(8080), $uri)),
        "GET $masked HTTP/1.1", "as in $masked");
}

# what is no good, or comes in another way, is a key all the same

for my $case (
    [ 400, "/chat?resume=$key" ],
    [ 400, "/chat?resume=0-abc.$key" ],
    [ 400, "/chat?resume=0-abc.$key.x" ],
    [ 400, "/chat?resume=0-abc.%30${key}.1" ],
    [ 400, "/chat?resume=x&resume=0-abc.$key.1" ],
    [ 426, "/chat?resume=0-abc.$key.1", version => 12 ],
    [ 403, "/chat?resume=0-abc.$key.1", headers => [ 'Origin: http://b' ] ],
) {
    my ($status, $uri, @opt) = @$case;

    $ws = EIRC::WebSocket->connect(port(8080), $uri, @opt);
    is($ws->status(), $status, "refused with $status");
    line($t, $ws);
}

# a resume that is refused

$layer->set(resume => [ $EIRC::Layer::REASONS{GONE}, "no $key" ]);
$ws = EIRC::WebSocket->connect(port(8080), "/chat?resume=0-abc.$key.1");
$ws->wait_close();
line($t, $ws);

$layer->set(resume => [ $EIRC::Layer::REASONS{LIMIT}, '' ]);
$ws = EIRC::WebSocket->connect(port(8080), "/chat?resume=0-abc.$key.1");
line($t, $ws);

$layer->set(resume => {});
$ws = EIRC::WebSocket->connect(port(8080), "/chat?resume=0-abc.$key.1");
my $next = (split ' ', $ws->read_message()->{payload})[3];
$layer->record('READY', 0, 0, '0-def', 1);
$ws->read_message();
line($t, $ws);

my $info = $t->read_file('info.log');
my $all = $info . $t->read_file('request.log') . $t->read_file('chat.log');

unlike($all, qr/\Q$key\E/, 'no key that was sent is in any log');
unlike($all, qr/$made|$next/, 'nor one that was made');
unlike($all, qr/\Q$token\E|chat_token=other/, 'nor a token');

like($info, qr/session 0-abc resumed, nick "al"/, 'resumed');
like($info, qr/client came back to a session that is gone, or is not its own/,
    'gone');
like($info, qr/account of session "0-abc" has as many sessions as/, 'limit');
like($t->read_file('chat.log'),
    qr!/chat 101 session=0-abc nick="al" account="a1" close=1006 in=0 out=0 !,
    'a format that says more');


# the request line as the access log has it, once the connection has ended

sub line {
    my ($t, $ws) = @_;

    our $known;
    my @lines;

    $ws->disconnect();

    wait_until(5, sub {
        @lines = split /\n/, $t->read_file('request.log');
        return @lines > ($known || 0);
    });

    $known = @lines;

    return ($lines[-1] || '') =~ /"(GET [^"]*)"/ ? $1 : undef;
}
