#!/usr/bin/perl

# Tests for requests that do not wait for a layer's HELLO, as nginx makes them
# of a layer that it watches: what may come before the answer, and a layer that
# goes away with the request unread.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Layer;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix/)->plan(32);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /issue {
            eirc_token_issue on;
        }

        location /chat {
            eirc_pass   irc://irc.example.net;
            eirc_linger 90s;
        }
    }
}

EOC

my $dir = $t->testdir() . '/run';
my ($ws, $r, $sent, $token);

my $layer = EIRC::Layer->start($dir);
$t->run();
$layer->expect('WATCH');

my ($worker) = grep { EIRC::Processes::title($_) =~ /worker process$/ }
    children($t->read_file('nginx.pid') =~ /(\d+)/);
my $idle = descriptors($worker);

# HELLO comes all the same, or does not

$ws = chat('/chat', nick => 'alice');
ok($ws->ok(), 'HELLO before the answer');
goes_on($ws);

$layer->set(hello => '');
$ws = chat('/chat', nick => 'alice');
ok($ws->ok(), 'no HELLO');
goes_on($ws);

$layer->set(answer => [ $EIRC::Layer::REASONS{LIMIT}, 'enough' ]);
is(chat('/chat', nick => 'alice')->status(), 429, 'refused without');
$layer->set(answer => 'ready');

# a HELLO that makes no sense there

for my $hello ([ 'another version', [ 9, 0, 0 ] ],
    [ 'another layer', [ 2, 7, 0 ] ])
{
    $layer->set(hello => $hello->[1], answer => '');
    is(chat('/chat', nick => 'alice')->status(), 503, $hello->[0]);
}

$layer->set(hello => [ 2, 0, 1 ], answer => 'ready');
$ws = chat('/chat', nick => 'alice');
ok($ws->ok(), 'whether it is full the layer says in its answer');
goes_on($ws);

$layer->set(hello => [ 2, 0, 0 ]);

# the layer goes away with the request unread: it is made once more, the same

$layer->forget();
$layer->set(vanish => 1);
$ws = chat('/chat', nick => 'alice', account => 'a1');
ok($ws->ok(), 'made once more');
ok($sent = $layer->expect('USER'), 'the first one');
ok($r = $layer->expect('USER'), 'the second');
is($r->{body} =~ s/"port":\d+//r, $sent->{body} =~ s/"port":\d+//r,
    '... with the same user');
like($r->{body}, qr/"account":"a1"/, '... as it was issued');
goes_on($ws);

# ... for one that comes back as well

$ws = enter('resume=');
my (undef, undef, $id, $key) = split ' ', $ws->read_message()->{payload};
$ws->disconnect();
$layer->expect('EOF');

$layer->forget();
$layer->set(vanish => 1);
$ws = enter("resume=$id.$key.0");
ok($ws->ok(), 'the way back, taken once more');
like($ws->read_message()->{payload}, qr/^:client resumed 0 [0-9a-f]{64}$/,
    '... and told so');
ok($sent = $layer->expect('RESUME'), 'the first time');
ok($r = $layer->expect('RESUME'), 'the second');
is(substr($r->{body}, 0, 64), substr($sent->{body}, 0, 64),
    '... with the same key');
isnt(substr($r->{body}, 64, 32), substr($sent->{body}, 64, 32),
    '... and a new one for the time after');
goes_on($ws);

# a layer that does so again is given up

$layer->set(vanish => 1000);
$token = token(nick => 'alice');
is(enter("chat_token=$token")->status(), 503, 'no answer at all');

$layer->set(vanish => 0);
$ws = enter("chat_token=$token");
ok($ws->ok(), '... and the token is as good as before');
goes_on($ws);

ok(wait_until(5, sub { descriptors($worker) <= $idle }),
    'no descriptor is left');


sub enter {
    my ($args) = @_;

    $args .= '&chat_token=' . token(nick => 'alice') if $args eq 'resume=';

    return EIRC::WebSocket->connect(port(8080), "/chat?$args", timeout => 10);
}


sub goes_on {
    my ($ws) = @_;

    $layer->forget();
    $layer->lines(0, 'a line');
    is(($ws->read_message() || {})->{payload}, 'a line', '... lines go out');
    $ws->send_text('a message');
    is(($layer->expect('MESSAGE') || {})->{body}, 'a message',
        '... and messages in');

    $ws->close(1000);
    $ws->wait_close();
    $ws->disconnect();
    $layer->expect('EOF');

    return;
}
