#!/usr/bin/perl

# Tests for the link as nginx sees it, against a socket layer that does what
# it is told: the request, lines and messages, their counts, and records that
# break the rules.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Layer;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(106);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_shutdown_timeout 1s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format codes "$eirc_session $eirc_close_code $eirc_lines_in "
                     "$eirc_lines_out";

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;
        eirc_rate         1000r/s burst=1000;
        eirc_flood        4r/s burst=20;

        location /chat {
            access_log %%TESTDIR%%/codes.log codes;
            eirc_pass  irc://irc.example.net irc://[::1]:6697;
            eirc_limit 7;
            eirc_max_message_size 64k;
        }

        location /secret {
            eirc_auth_request /auth/secret;
            eirc_pass         irc://irc.example.net;
        }

        location /escaped {
            eirc_auth_request /auth/escaped;
            eirc_pass         irc://irc.example.net;
        }

        location /password {
            eirc_pass         irc://irc.example.net;
            eirc_irc_password sesame;
        }

        location /webirc {
            eirc_pass         irc://irc.example.net;
            eirc_webirc       sesame;
        }

        location /required {
            eirc_pass         irc://irc.example.net;
            eirc_sasl         required;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        default_type application/json;

        location / {
            return 200 '{"nick":"alice","account":"a1","channels":["x"]}';
        }

        location /auth/secret {
            return 200 '{"nick":"alice","sasl_secret":"sesame"}';
        }

        location /auth/escaped {
            return 200 '{"nick":"alice","sasl\u005fsecret":"sesame"}';
        }
    }
}

EOC

my $dir = $t->testdir() . "/run";
my ($layer, $ws, $r);

$layer = EIRC::Layer->start($dir);
$t->run();

# the request

ok($r = $layer->expect('WATCH'), 'a watch connection');
is($r->{value}, 2, 'version of the link');

$ws = chat();

ok($ws->ok(), 'a session');

$r = $layer->expect('SESSION');

is($r->{value}, 2, 'version of the request');

my ($limit, $replay, $linger, $crashes, $time, $cpu, $alen, $slen, $tlen,
    $mode, $flags, $account, $key, $servers)
    = unpack('V6v3C2a64a32a*', $r->{body});

is($limit, 7, 'limit');
is($replay, 65536, 'replay');
is($linger, 0, 'linger');
is($crashes, 3, 'crash limit');
is($time, 60000, 'crash time');
is($tlen, 0, 'length of TLS');
is($mode, 0, 'mode');
is($flags, 2, 'flags: no secret');
is($key, "\0" x 32, 'no key');
is(substr($account, 0, $alen), 'a1', 'account');
is(length $servers, $slen, 'length of the servers');
is($servers, "\x00\x0f" . pack('v', 6667) . 'irc.example.net'
    . "\x00\x03" . pack('v', 6697) . '::1', 'servers');

my $user = $layer->expect('USER')->{body};

like($user, qr/"user":\{"nick":"alice","account":"a1","channels":\["x"\]\}/,
    'user object');
like($user, qr/"address":"127.0.0.1"/, 'address');
like($user, qr/"port":\d+,"local_port":\d+,"secure":false,"mode":"eirc"/, 'port, TLS, mode');
like($user, qr/"flood_rate":4000,"flood_burst":20\b/, 'flood');

# messages and lines

$ws->send_text('PRIVMSG #x :hello');
$ws->send_text("a\r\nb\n\nc");
$ws->send_text('');

is_deeply([ map { @$_{qw/ count body /} } map { $layer->expect('MESSAGE') }
    1 .. 3 ], [ 0, 'PRIVMSG #x :hello', 1, "a\r\nb\n\nc", 2, '' ],
    'messages');

$layer->lines(0, 'one', 'two' x 100, '');
is($ws->read_message()->{payload}, 'one', 'first line');
is($ws->read_message()->{payload}, 'two' x 100, 'second line');
is($ws->read_message()->{payload}, '', 'third line');

$layer->lines(1, 'seen', 'seen', 'four');
is($ws->read_message()->{payload}, 'four', 'lines seen before are left out');

$layer->lines(0, 'seen', 'seen', 'seen', 'seen');
$layer->lines(4, 'x' x 8703);
is(length $ws->read_message()->{payload}, 8703, 'the longest line');

my $big = 'm' x 65536;

$ws->send_text($big);
$r = $layer->expect('MESSAGE');
is($r->{count}, 3, 'count of messages');
ok($r->{body} eq $big, 'the longest message');

# the ways it ends, from here

$ws->close(1000, 'bye');
is(($ws->wait_close())[0], 1000, 'closed by the browser');
is($layer->expect('END')->{value}, $EIRC::Layer::REASONS{CLOSED},
    'the layer is told');
ok($layer->expect('EOF'), 'and the link is closed');
$ws->disconnect();
like(codes($t), qr/^0-1 1000 6 5$/m, 'variables');

$ws = chat();
$ws->disconnect();
ok($layer->expect('DETACH'), 'the browser vanished');

for my $case (
    [ 'not masked', 1002, sub { $ws->send_frame(masked => 0) } ],
    [ 'binary', 1003, sub { $ws->send_binary('x') } ],
    [ 'no UTF-8', 1007, sub { $ws->send_text("\xff") } ],
    [ 'NUL', 1008, sub { $ws->send_text("a\0b") } ],
    [ 'too long', 1009, sub { $ws->send_text('m' x 65537) } ],
) {
    my ($name, $code, $act) = @$case;

    $ws = chat();
    $act->();
    is(($ws->wait_close())[0], $code, "$name: close code");
    is($layer->expect('END')->{value}, $EIRC::Layer::REASONS{VIOLATION},
        "$name: the layer is told");
}

# the ways it ends, from there

for my $case ([ QUIT => 1000 ], [ SHUTDOWN => 1012 ], [ IRC_LOST => 4000 ],
    [ TAKEN => 4001 ], [ FAILED => 4002 ], [ SLOW => 4003 ],
    [ IRC_UNREACHABLE => 4004 ], [ IRC_REFUSED => 4500 ], [ 77 => 4002 ])
{
    my ($reason, $code) = @$case;

    $ws = chat();
    $layer->lines(0, 'last words');
    $layer->record('END', $EIRC::Layer::REASONS{$reason} || $reason, 0,
        "why\x01");

    is($ws->read_message()->{payload}, 'last words', "$reason: a last line");
    is(($ws->wait_close())[0], $code, "$reason: close code");
}

like($t->read_file('error.log'),
    qr/session 0-1 ended: IRC connection lost \(why\?\)/, 'text in the log');

$ws = chat();
$layer->hang_up();
is(($ws->wait_close())[0], 4002, 'end of file');

# a successor says what its predecessor may have said already

$ws = chat();
$layer->record('READY', 0, 0, '0-9');
$layer->lines(0, 'one', 'two');
$layer->record('RESUMED', 65536, 7, pack('Q<C/a*', 5, 'alice') . 'alice');
$layer->lines(1, 'two', 'three');
is($ws->read_message()->{payload}, $_, "lines of a successor: $_")
    for qw/ one two three /;
$ws->send_text('a message');
is($layer->expect('MESSAGE')->{count}, 0, 'and a message to it');
is($layer->count('RESET'), 0, 'nothing begins anew');

# unless it has lost everything

$layer->record('READY', 0, 0, '0-2', 1);
ok($layer->expect('RESET'), 'a lost state is heard of');
$layer->lines(0, 'anew');
is($ws->read_message()->{payload}, 'anew', 'lines are counted anew');
$ws->send_text('another');
is($layer->expect('MESSAGE')->{count}, 0, 'and messages');
$ws->close(1000);
$ws->wait_close();
$ws->disconnect();
ok(wait_until(5, sub { $t->read_file('codes.log') =~ /^0-2 1000 2 4$/m }),
    'another session for the log');

$layer->set(answer => 'reset');
$ws = chat();
ok($layer->expect('RESET'), 'lost before it stood');
$layer->lines(0, 'one');
is($ws->read_message()->{payload}, 'one', 'a session all the same');
$layer->record('READY', 0, 0, '0-1', 1) for 2 .. 100;
$layer->lines(0, 'still');
is($ws->read_message()->{payload}, 'still', 'a hundred times');
$layer->record('READY', 0, 0, '0-1', 1);
is(($ws->wait_close())[0], 4002, 'and no more');
$layer->set(answer => 'ready');

# what breaks the rules ends that link, and nothing else

my $bystander = chat();

for my $case (
    [ 'an unknown type', "\x63" . "\0" x 15 ],
    [ 'half a header', "\x12\0\0\0" ],
    [ 'a new ID that is none', pack('CCx2VQ<', 16, 1, 0, 0) . '0 9' ],
    [ 'a CONFIRM', pack('CCx2VQ<', 22, 0, 0, 0) ],
    [ 'a RESET', pack('CCx2VQ<', 24, 0, 0, 0) ],
    [ 'a MESSAGE', pack('CCx2VQ<', 19, 0, 0, 0) . 'x' ],
    [ 'a gap', pack('CCx2VQ<', 18, 0, 1, 5) . "\0\1x" ],
    [ 'a wrong number of lines', pack('CCx2VQ<', 18, 0, 2, 0) . "\0\1x" ],
    [ 'a line that is cut', pack('CCx2VQ<', 18, 0, 1, 0) . "\0\5x" ],
    [ 'a frame of its own', pack('CCx2VQ<', 18, 0, 1, 0) . "\x88\1x" ],
    [ 'a long form', pack('CCx2VQ<', 18, 0, 1, 0) . "\0\x7e\0\1x" ],
    [ 'too much', pack('CCx2VQ<', 18, 0, 1, 0) . "\0\1x" x 6000 ],
    [ 'far too much', 'x' x 70000 ],
) {
    my ($name, $bytes) = @$case;

    $ws = chat();
    $layer->raw($bytes);
    is(($ws->wait_close())[0], 4002, $name);
}

$bystander->send_text('still here');
is($layer->expect('MESSAGE')->{body}, 'still here', 'others live on');
$bystander->close(1000);
$bystander->wait_close();

# who may need something to keep a secret in

for my $uri (qw/ secret escaped password webirc required /) {
    my $other = chat("/$uri");
    is(unpack('x31C', $layer->expect('SESSION')->{body}), 0, $uri);
    $layer->expect('USER');
}

$layer->stop();

# before the session stands

my %status = (
    'ready' => [ 101 ],
    'limit' => [ 429, answer => [ $EIRC::Layer::REASONS{LIMIT}, '' ] ],
    'full' => [ 503, answer => [ $EIRC::Layer::REASONS{FULL}, '' ] ],
    'bad' => [ 503, answer => [ $EIRC::Layer::REASONS{BAD_REQUEST}, '' ] ],
    'no room' => [ 503, hello => [ 2, 0, 1 ] ],
    'version' => [ 503, hello => [ 1, 0, 0 ] ],
    'index' => [ 503, hello => [ 2, 1, 0 ] ],
    'no hello' => [ 503, hello => "\x12\0\0\0" ],
    'id' => [ 503, id => '0.1' ],
    'resumed' => [ 503, answer => 'resumed' ],
);

for my $name (sort keys %status) {
    my ($status, @opt) = @{ $status{$name} };

    $layer = EIRC::Layer->start($dir, @opt);
    $ws = chat();
    is($ws->status(), $status, "$name: status");
    $ws->disconnect();
    $layer->stop();
}

is(chat()->status(), 503, 'nobody there: status');


# the last line of the access log, written when the request has ended

sub codes {
    my ($t) = @_;
    my $text = '';

    wait_until(5, sub { $text = $t->read_file('codes.log'); $text =~ /\n/ });

    return $text;
}
