#!/usr/bin/perl

# Tests for lines that a browser is known to have: a ping with their count for
# each quarter of the replay ring, the pong that confirms them, pongs that do
# not, and what a lost state makes of them.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Layer;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(44);

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

        eirc_auth_request /auth;
        eirc_rate         1000r/s burst=1000;
        eirc_replay       4k;
        eirc_ping         off;

        location /chat {
            eirc_pass  irc://irc.example.net;
        }

        location /idle {
            eirc_pass  irc://irc.example.net;
            eirc_ping  200ms timeout=2s;
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
            default_type application/json;
            return 200 '{"nick":"alice"}';
        }
    }
}

EOC

my $dir = $t->testdir() . "/run";
my $token = 0;
my $key = 'ab' x 32;
my ($ws, $sent, $r);

my $layer = EIRC::Layer->start($dir);

$t->run();

# a line is an entry of 100 bytes here, a quarter of the ring 1,024

begin('/chat');
lines(10);
is(pings(), '', 'less than a quarter');
lines(1);
is(pings(), '11', 'more than a quarter: a ping with the count');
lines(30);
is(pings(), '', 'one is on its way');

# what confirms nothing

$ws->pong($_) for '', 'x', '0', '-1', '1x', ' 11', '11 ', '11.0', '11.1', '42',
    '18446744073709551615', '18446744073709551616', '18446744073709551627',
    '9' x 125, "11\0", "\xff" x 125;
is(confirmed(), '', 'pongs that say nothing');
is(pings(), '', 'and are not answered');

# what does

$ws->pong('5');
is(confirmed(), '5', 'a smaller count confirms so much');
is(pings(), '', 'but is not what was asked for');
$ws->pong('4');
$ws->pong('5');
is(confirmed(), '', 'nothing is taken back, nor said twice');

$ws->pong('11');
is(confirmed(), '11', 'the answer');
is(pings(), '41', 'the next ping at once');
$ws->pong('41');
is(confirmed(), '41', 'the next answer');
is(pings(), '', 'all is confirmed');

$ws->pong('41');
$ws->pong('11');
is(confirmed(), '', 'late ones');

lines(10);
is(pings(), '', 'counted from what is confirmed: less than a quarter');
lines(1);
is(pings(), '52', 'and more');

# lines that were there already do not count

$ws->pong('52');
confirmed();
$layer->lines($sent - 30, ('l' x 98) x 30);
$layer->lines($sent - 10, ('l' x 98) x 10, 'x');
$sent++;
$ws->expect(qr/^x$/);
is(pings(), '', 'lines seen before');

# the count goes behind all lines, also those that wait

my $big = EIRC::WebSocket->connect(port(8080), '/chat?chat_token=big&resume=',
    pong => 0, SocketOptions => [ [ Socket::SOL_SOCKET(),
        Socket::SO_RCVBUF(), 4096 ] ]);
$big->read_message();
$layer->lines($_, 'b' x 8000) for 0 .. 999;

my ($n, @pings) = (0);

while ($n < 1000) {
    my $frame = $big->read_frame() or last;

    if ($frame->{opcode} != 9) {
        $n++;
        next;
    }

    push @pings, $frame->{payload} - $n;
    $big->pong($frame->{payload});
}

is($n, 1000, 'a slow browser has all lines');
cmp_ok(scalar @pings, '>', 0, 'and was asked about them');
is(join('', map { $_ ? $_ : () } @pings), '', 'behind them each time');
$big->disconnect();

# after a gap or none the counts go on, with the ring that the session has

$layer->set(resume => { replay => 8192 });
back(5000);
lines(20);
is(pings(), '', 'resumed: less than a quarter of its ring');
lines(1);
is(pings(), '5021', 'and more');
$ws->pong('5000');
is(confirmed(), '', 'what it had is known');
$ws->pong('5021');
is(confirmed(), '5021', 'what it has now');

$layer->set(resume => { replay => 4096, lines => 100, gap => 1 });
back(5000);
$sent = 100;
lines(11);
is(pings(), '111', 'behind a gap');
$ws->pong('5000');
$ws->pong('111');
is(confirmed(), '111', 'its counts hold');

# a lost state: nothing that was asked before means anything

lines(11);
is(pings(), '122', 'asked');
$layer->record('READY', 0, 0, '0-2', 1);
$ws->expect(qr/^:client session 0-2 /);
$sent = 0;
lines(130);
is(pings(), '130.1', 'asked anew');
$ws->pong($_) for '122', '130', '111', '130.', '130.0', '130.2', '130.1 ',
    '131.1';
is(confirmed(), '', 'old answers and others');
$ws->pong('130.1');
is(confirmed(), '130', 'the right one');

$layer->record('READY', 0, 0, '0-3', 1);
$ws->expect(qr/^:client session 0-3 /);
$sent = 0;
lines(20);
is(pings(), '20.2', 'and once more');
$ws->pong('20.1');
is(confirmed(), '', 'an answer of before');
$ws->pong('20.2');
is(confirmed(), '20', 'the right one');
$ws->disconnect();

# a layer that takes nothing while the state is lost: RESET, then messages

begin('/chat');
$layer->forget()->deaf();
$layer->record('READY', 0, 0, '0-4', 1);
$ws->expect(qr/^:client session 0-4 /);

my $messages = 60;

$ws->send_text($_) for 1 .. $messages;
$layer->listen();
is_deeply(order($messages), [ 'RESET', 0 .. $messages - 1 ],
    'RESET goes before what is counted anew');

$layer->forget()->deaf();

for my $i (1 .. 30) {
    $ws->send_raw($ws->frame(payload => 'm' x 15000), 0.2) or last;
}

$layer->record('READY', 0, 0, '0-5', 1);
$ws->expect(qr/^:client session 0-5 /);
$layer->listen();

my @order = @{ order(30) };
my ($at) = grep { $order[$_] eq 'RESET' } 0 .. $#order;

is(scalar @order, 31, 'a full link: all arrive');
ok($at > 0 && $at < 30, 'RESET in between');
is(join(' ', @order[$at + 1 .. 30]), join(' ', 0 .. 29 - $at),
    'and messages behind it are counted anew');
is(join(' ', @order[0 .. $at - 1]),
    join(' ', map { $messages + $_ } 0 .. $at - 1), 'those before go on');
$ws->disconnect();

# pings of an idle connection carry the count as well

begin('/idle');
is($ws->read_frame()->{payload}, '0', 'idle: nothing sent');
$ws->pong('0');
lines(3);
is(idle(), '3', 'idle: lines sent');
$ws->pong('3');
is(confirmed(), '3', 'and confirmed');
$ws->disconnect();

# who has not asked for it is not asked either

$token++;
$ws = EIRC::WebSocket->connect(port(8080), "/chat?chat_token=t$token",
    pong => 0);
$sent = 0;
lines(100);
is(pings(), '', 'not asked for: no ping');
$ws->pong('100');
is(confirmed(), '', 'and no answer counts');
$layer->record('READY', 0, 0, '0-9', 1);
$sent = 0;
lines(100);
is(pings(), '', 'nor when the state was lost');
$ws->disconnect();

$token++;
$ws = EIRC::WebSocket->connect(port(8080), "/idle?chat_token=t$token",
    pong => 0);
$sent = 0;
lines(5);
is(idle(), '', 'an idle ping is empty');
$ws->disconnect();


sub begin {
    my ($uri) = @_;

    $token++;
    $ws = EIRC::WebSocket->connect(port(8080),
        "$uri?chat_token=t$token&resume=", pong => 0);
    $ws->read_message();
    $sent = 0;

    return;
}


sub back {
    my ($count) = @_;

    $ws->disconnect();
    $ws = EIRC::WebSocket->connect(port(8080),
        "/chat?resume=0-1.$key.$count", pong => 0);
    $ws->expect(qr/^:client resumed /);
    $layer->forget();
    $sent = $count;

    return;
}


# so many lines, and the browser has read them

sub lines {
    my ($n) = @_;

    $layer->lines($sent, ('l' x 98) x $n);
    $ws->expect(qr/^l+$/) for 1 .. $n;
    $sent += $n;

    return;
}


# pings that came since the last call, or will come before another frame

sub pings {
    my @pings;

    $ws->ping('barrier');

    while (my $frame = $ws->read_frame()) {
        push @pings, $frame->{payload} if $frame->{opcode} == 9;
        last if $frame->{opcode} == 10 && $frame->{payload} eq 'barrier';
    }

    push @pings, $ws->pings();
    $ws->{pings} = [];

    return join ' ', @pings;
}


# counts of CONFIRM that came since the last call, or will before a message

sub confirmed {
    my @counts;

    $ws->send_text('barrier');

    while (my $record = $layer->next(5)) {
        push @counts, $record->{count} if $record->{name} eq 'CONFIRM';
        last if $record->{name} eq 'MESSAGE';
    }

    return join ' ', @counts;
}


# the order of RESET and the counts of so many messages

sub order {
    my ($messages) = @_;
    my @order;

    while (@order <= $messages) {
        my $record = $layer->next(5) or last;

        push @order, 'RESET' if $record->{name} eq 'RESET';
        push @order, $record->{count} if $record->{name} eq 'MESSAGE';
    }

    return \@order;
}


# the payload of the next ping that carries the count of all lines, or none

sub idle {
    while (my $frame = $ws->read_frame()) {
        next if $frame->{opcode} != 9;
        return $frame->{payload}
            if $frame->{payload} eq '' || $frame->{payload} eq $sent;
        $ws->pong($frame->{payload});
    }

    return undef;
}
