#!/usr/bin/perl

# Tests for coming back to a session, as nginx sees it, against a socket layer
# that does what it is told: what the browser is told, what it has to bring,
# counts, refusals, and a session that has lost its state.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx qw/ :DEFAULT http_end /;
use Digest::SHA qw/ sha256 /;
use EIRC::Chat;
use EIRC::Layer;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(109);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format names "$eirc_session $eirc_nick $eirc_account "
                     "$eirc_close_code $eirc_lines_in $eirc_lines_out";

    eirc_client unix:%%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;
        eirc_rate         1000r/s burst=1000;

        location /chat {
            access_log %%TESTDIR%%/names.log names;
            eirc_pass    irc://irc.example.net;
            eirc_linger  90500ms;
            eirc_replay  100k;
        }

        location /none {
            eirc_pass    irc://irc.example.net;
            eirc_linger  0;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        location / {
            access_log   %%TESTDIR%%/asked.log;
            default_type application/json;
            return 200 '{"nick":"alice","account":"a1"}';
        }
    }
}

EOC

my $dir = $t->testdir() . "/run";
my %reason = %EIRC::Layer::REASONS;
my ($ws, $r, $key);

my $layer = EIRC::Layer->start($dir, id => '0-abc');

$t->run();

# nobody asked for it

$ws = chat();
$r = $layer->expect('SESSION')->{body};
is(unpack('x8V', $r), 0, 'not asked for: no time to wait');
is(unpack('x31C', $r) & 1, 0, 'no flag');
is(substr($r, 96, 32), "\0" x 32, 'no key');
$layer->lines(0, 'a line');
is($ws->read_message()->{payload}, 'a line', 'and no message of ours');
bye($ws);

# asked for where there is nothing to be had

$ws = begin('/none');
is(unpack('x31C', $layer->expect('SESSION')->{body}) & 1, 0, 'no time: no flag');
$layer->lines(0, 'a line');
is($ws->read_message()->{payload}, 'a line', 'and no message of ours');
bye($ws);

# asked for

$ws = begin('/chat');
$r = $layer->expect('SESSION')->{body};
is(unpack('x8V', $r), 90500, 'time to wait');
is(unpack('x4V', $r), 102400, 'ring');
is(unpack('x31C', $r) & 1, 1, 'flag');

my $hello = $ws->read_message();

like($hello->{payload}, qr/^:client session 0-abc [0-9a-f]{64} 90$/,
    'the first message');
is($hello->{opcode}, 1, 'is text');

$key = (split ' ', $hello->{payload})[3];
is(substr($r, 96, 32), sha256(pack 'H*', $key), 'the layer knows the hash');

$layer->lines(0, 'one', 'two');
is($ws->read_message()->{payload}, $_, "then lines: $_") for qw/ one two /;
$ws->send_text('to be counted');
is($layer->expect('MESSAGE')->{count}, 0, 'messages from 0');

my $other = begin('/chat');
my $key2 = (split ' ', $other->read_message()->{payload})[3];
isnt($key2, $key, 'another session has another key');
bye($other);

# lost, and back with all that it has

$ws = begin('/chat');
$key = (split ' ', $ws->read_message()->{payload})[3];
$ws->disconnect();
ok($layer->expect('DETACH'), 'a lost connection');

my $asked = asked($t);

$layer->set(resume => { messages => 7, nick => 'al', account => 'a1' });
$ws = back("0-abc.$key.12");
$r = $layer->expect('RESUME');
is($r->{value}, 2, 'RESUME: version');
is($r->{count}, 12, 'lines');
is(length $r->{body}, 104, 'length');
is($r->{body}, pack('a32', '0-abc') . sha256(pack 'H*', $key)
    . substr($r->{body}, 64, 32) . "\0\0\0\0" . "\xff" x 4, 'fields');

like($hello = $ws->read_message()->{payload},
    qr/^:client resumed 7 [0-9a-f]{64}$/, 'the first message');
$key2 = (split ' ', $hello)[3];
isnt($key2, $key, 'a new key');
is(substr($r->{body}, 64, 32), sha256(pack 'H*', $key2),
    'of which the layer knows the hash');
is(asked($t), $asked, 'nobody was asked about a token');

# both directions go on where they were

$layer->lines(10, 'seen', 'seen', 'twelve', 'thirteen');
is($ws->read_message()->{payload}, $_, "lines go on: $_")
    for qw/ twelve thirteen /;
$ws->send_text('the eighth');
$ws->send_text('');
$r = $layer->expect('MESSAGE');
is("$r->{count} $r->{body}", '7 the eighth', 'messages go on');
$r = $layer->expect('MESSAGE');
is("$r->{count} $r->{body}", '8 ', 'an empty one counts');

bye($ws);
ok(wait_until(5, sub {
    $t->read_file('names.log') =~ /^0-abc al a1 1000 2 2$/m }), 'variables');

# a gap of the link's is one of the rules

$ws = back("0-abc.$key.12");
$ws->read_message();
$layer->lines(13, 'too far');
is(($ws->wait_close())[0], 4002, 'lines beyond the next one');

$layer->set(resume => { lines => 13 });
is(back("0-abc.$key.12")->status(), 503, 'other lines without a gap');
$layer->set(resume => { nick => "a b" });
is(back("0-abc.$key.12")->status(), 503, 'a nick with a space');
$layer->set(resume => { account => "a\r\nb" });
is(back("0-abc.$key.12")->status(), 503, 'an account with a line end');
$layer->set(resume => { replay => 4095 });
is(back("0-abc.$key.12")->status(), 503, 'a ring that is too small');

# the ring holds less than was missed

$layer->set(resume => { messages => 3, lines => 2000, gap => 1 });
$ws = back("0-abc.$key.12");
like($ws->read_message()->{payload}, qr/^:client resumed 3 /, 'gap: resumed');
is($ws->read_message()->{payload}, ':client gap 2000', 'and told so');
$layer->lines(1999, 'seen', 'first', 'next');
is($ws->read_message()->{payload}, $_, "behind a gap: $_")
    for qw/ first next /;
bye($ws);

# numbers of every size

$layer->set(resume => { messages => '18446744073709551614', account => '' });
$layer->forget();
$ws = back("0-abc.$key.18446744073709551615");
is($layer->expect('RESUME')->{count}, '18446744073709551615',
    'the largest count');
like($ws->read_message()->{payload},
    qr/^:client resumed 18446744073709551614 [0-9a-f]{64}$/,
    'the largest number of messages');
bye($ws);
$ws = back('0-0123456789abcdefghijklmnopqrs' . ".$key.0");
is($ws->status(), 101, 'the longest ID');
bye($ws);

# refused

$layer->set(resume => [ $reason{GONE}, 'no such session' ]);
$ws = back("0-abc.$key.12");
is($ws->status(), 101, 'gone: the page can be told');
is_deeply([ ($ws->wait_close())[0, 1] ], [ 4501, 'session gone' ],
    'by a close code');
is(scalar $ws->messages(), 0, 'and nothing else');
is(back("1-abc.$key.12")->status(), 101, 'a layer that there is not: status');
is((back("1-abc.$key.12")->wait_close())[0], 4501, 'close code');

for my $case ([ BAD_REQUEST => 400, 'Bad Resume' ],
    [ LIMIT => 429, 'Too Many Sessions' ],
    [ FULL => 503, 'Service Unavailable' ],
    [ FAILED => 503, 'Service Unavailable' ],
    [ SHUTDOWN => 503, 'Service Unavailable' ])
{
    my ($name, $status, $text) = @$case;

    $layer->set(resume => [ $reason{$name}, 'because' ]);
    $ws = back("0-abc.$key.12");
    is($ws->status(), $status, "$name: status");
    is($ws->body(), "{\"error\":\"$text\"}\n", "$name: body");
}

$layer->set(resume => {});

# malformed

for my $case (
    [ 'no key', '0-abc' ], [ 'an empty key', '0-abc..1' ],
    [ 'no count', "0-abc.$key" ], [ 'an empty count', "0-abc.$key." ],
    [ 'no ID', ".$key.1" ], [ 'a dot more', "0-abc.$key.1." ],
    [ 'a count below zero', "0-abc.$key.-1" ],
    [ 'a count with a sign', "0-abc.$key.+1" ],
    [ 'a count in hex', "0-abc.$key.0x1" ],
    [ 'a count with a space', "0-abc.$key.1%20" ],
    [ 'a count too large', "0-abc.$key.18446744073709551616" ],
    [ 'a count far too large', "0-abc.$key." . '9' x 4000 ],
    [ 'a short key', '0-abc.' . substr($key, 1) . '.1' ],
    [ 'a long key', "0-abc.${key}0.1" ],
    [ 'a key that is none', '0-abc.' . 'x' x 64 . '.1' ],
    [ 'a key with colons', '0-abc.' . join(':', ('ab') x 32) . '.1' ],
    [ 'an ID without a layer', "abc.$key.1" ],
    [ 'a layer with a zero', "00-abc.$key.1" ],
    [ 'a layer too large', "4294967296-abc.$key.1" ],
    [ 'an ID too long', '0-' . 'a' x 30 . ".$key.1" ],
    [ 'an ID in upper case', "0-ABC.$key.1" ],
    [ 'escapes', "0%2dabc.$key.1" ],
    [ 'NUL', "0-abc%00.$key.1" ],
) {
    my ($name, $value) = @$case;

    is(back($value, "&chat_token=t$name")->status(), 400, $name);
}

is(back('x')->body(), "{\"error\":\"Bad Resume\"}\n", 'what is answered');
is(back("0-abc.$key.1", '&resume=')->status(), 101, 'the first one counts');
is(EIRC::WebSocket->connect(port(8080), '/chat?resume=')->status(), 400,
    'asked for without a token');

# all else is looked at as it is for a token

is(back("0-abc.$key.1", '', headers => [ 'Origin: http://evil.example' ])
    ->status(), 403, 'another origin');
is(back("0-abc.$key.1", '', version => 12)->status(), 426, 'another version');
is(back("0-abc.$key.1", '', method => 'POST')->status(), 405,
    'another method');

# the same for IRCv3, in frames of its kind

for my $case ([ text => 1, 1 ], [ binary => 2, 2 ]) {
    my ($name, $opcode, $mode) = @$case;
    my @opt = (subprotocols => [ "$name.ircv3.net" ]);

    $layer->set(resume => { gap => 1, lines => 5 })->forget();
    $ws = begin('/chat', @opt);
    is(unpack('x30C', $layer->expect('SESSION')->{body}), $mode,
        "$name: mode");
    $hello = $ws->read_message();
    like($hello->{payload}, qr/^:client session /, "$name: session");
    is($hello->{opcode}, $opcode, "$name: its kind");
    $ws->disconnect();

    $ws = back("0-abc.$key.1", '', @opt);
    is(unpack('x96C', $layer->expect('RESUME')->{body}), $mode,
        "$name: mode of RESUME");
    is(join(' ', map { $_->{opcode} } $ws->read_message(),
        $ws->read_message()), "$opcode $opcode", "$name: kind of the others");
    bye($ws);
}

# another browser takes the session

$layer->set(resume => {});
$ws = back("0-abc.$key.1");
$ws->read_message();
$layer->lines(1, 'last words');
$layer->record('END', $reason{TAKEN}, 0, 'taken over');
is($ws->read_message()->{payload}, 'last words', 'taken over: a last line');
is_deeply([ ($ws->wait_close())[0, 1] ], [ 4001, 'taken over' ],
    'and the close code');

# the state is lost in a session that stands

$layer->set(id => '0-abc');
$ws = begin('/chat');
$key = (split ' ', $ws->read_message()->{payload})[3];
$layer->lines(0, 'before');
is($ws->read_message()->{payload}, 'before', 'a session');
$ws->send_text('before');
$layer->expect('MESSAGE');
$layer->record('READY', 0, 0, '0-def', 1);
is($ws->read_message()->{payload}, ":client session 0-def $key 90",
    'the browser is told anew, with its key');
ok($layer->expect('RESET'), 'and the layer answered');
$layer->lines(0, 'after');
is($ws->read_message()->{payload}, 'after', 'lines from 0');
$ws->send_text('after');
is($layer->expect('MESSAGE')->{count}, 0, 'messages from 0');
bye($ws);
ok(wait_until(5, sub {
    $t->read_file('names.log') =~ /^0-def alice a1 1000 2 2$/m }),
    'the new ID in the log');

# and in one that was to be resumed

$layer->set(resume => 'reset', id => '0-new')->forget();
$ws = back("0-abc.$key.1");
$r = $layer->expect('RESUME');
ok($layer->expect('RESET'), 'the state is lost before the answer');
$hello = $ws->read_message()->{payload};
like($hello, qr/^:client session 0-new [0-9a-f]{64} 90$/, 'a new session');
is(sha256(pack 'H*', (split ' ', $hello)[3]), substr($r->{body}, 64, 32),
    'with the new key');
bye($ws);

$layer->set(resume => 'ready');
is(back("0-abc.$key.1")->status(), 503, 'READY alone is no answer to RESUME');

# nobody there

$layer->stop();
is(back("0-abc.$key.1")->status(), 503, 'no layer');


sub begin {
    my ($uri, @opt) = @_;
    return EIRC::WebSocket->connect(port(8080),
        "$uri?chat_token=" . token() . '&resume=', @opt);
}


sub back {
    my ($value, $more, @opt) = @_;

    return EIRC::WebSocket->connect(port(8080),
        "/chat?resume=$value" . (defined $more ? $more : ''), @opt);
}


sub bye {
    my ($ws) = @_;

    $ws->close(1000);
    $ws->wait_close();
    $ws->disconnect();

    return;
}


# how often the application was asked

sub asked {
    my ($t) = @_;
    return scalar(() = $t->read_file('asked.log') =~ /\n/g);
}
