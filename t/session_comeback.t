#!/usr/bin/perl

# Tests for sessions that outlive their connection, from the browser to a real
# IRC server: connections cut, taken over, reloaded, nginx workers killed, and
# whatever lines and messages that cost: none, and none twice.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx qw/ :DEFAULT http_content /;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(51);
my $dir = $t->testdir();
my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 2;
worker_shutdown_timeout 5s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT;
    eirc_run_path %%TESTDIR%%/run;
    eirc_limit    0;
    eirc_rate     off;
    eirc_flood    off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass   irc://127.0.0.1:8090;
            eirc_linger 20s;
            eirc_replay 12k;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $ircd = EIRC::InspIRCd->new($t, flood => 0, recvq => '1M')->start();

$t->run();

my $bob = EIRC::Client->new($ircd->port(), 'bob');
$bob->join('#room');

# nothing asked for, nothing said

my $plain = EIRC::WebSocket->connect(port(8080), '/chat?chat_token='
    . token('carol'));
ok($plain->expect(qr/ 376 /), 'a browser that does not ask for it');
is((grep { /^:client/ } $plain->messages()), 0, '... hears nothing of it');
$plain->disconnect();
ok(wait_until(5, sub { !grep { title($_) eq 'irc-client: carol' }
    processes($dir) }), '... and is not waited for');

# cut, and back

my $alice = browser('alice');
ok($alice->{id}, 'a session');
is(length $alice->{key}, 64, 'its key');
is($alice->{linger}, 20, 'how long it waits');
ok($bob->expect(qr/^:alice!\S+ JOIN :?#room/), 'in its channel');

said($alice, 'one', 'two');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :two$/), 'it speaks');

$alice->{ws}->disconnect();
$bob->say('#room', "missed $_") for 1 .. 5;

is(back($alice), 'resumed', 'it comes back');
heard($alice, qr/missed 5$/);
is(lines($alice, qr/missed/), 'missed 1 missed 2 missed 3 missed 4 missed 5',
    'what it missed, in order');
is($alice->{gaps}, 0, 'without a gap');

# messages that didn't arrive are sent again, those that did are not

said($alice, 'three');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :three$/), 'and goes on');
$alice->{ws}->send_raw(substr $alice->{ws}->frame(opcode => 1,
    payload => 'PRIVMSG #room :cut in the middle'), 0, 12);
push @{ $alice->{sent} }, 'PRIVMSG #room :cut in the middle';
$alice->{ws}->disconnect();
is(back($alice), 'resumed', 'cut within a frame');
said($alice, 'four');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :four$/), 'the next one');
is(join(' ', map { / :(.*)$/ } grep { /^:alice!\S+ PRIVMSG/ } $bob->lines()),
    'one two three cut in the middle four', 'each of them once');

# over again, and again

for my $round (1 .. 20) {
    $alice->{ws}->disconnect() if $round % 2;
    $bob->say('#room', "round $round");
    back($alice);
    said($alice, "round $round");
}

heard($alice, qr/round 20$/);
is(lines($alice, qr/round/), join(' ', map { "round $_" } 1 .. 20),
    'many rounds: every line once');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :round 20$/), '... to the last');
is(join(' ', map { / :(.*)$/ } grep { /^:alice!\S+ PRIVMSG \S+ :round/ }
    $bob->lines()), join(' ', map { "round $_" } 1 .. 20),
    '... and every message');

# a page that is loaded anew

$alice->{ws}->close(1001);
$alice->{ws}->wait_close();
$bob->say('#room', 'while it was loaded');
is(back($alice), 'resumed', 'a browser that was going away (1001)');
ok(heard($alice, qr/while it was loaded$/), '... has missed nothing');

# a second browser with the key

my %second = %$alice;
my $first = $alice->{ws};
is(back(\%second), 'resumed', 'another browser takes it over');
is(($first->wait_close())[0], 4001, '... and the first is told');
$alice = \%second;

# a key that is none any more

my %late = (%$alice, key => '0' x 64);
is(back(\%late), 4501, 'another key');
%late = (%$alice, id => '0-000000000000000000000000');
is(back(\%late), 4501, 'another session');

# it says that it has less than can be had again

$alice->{ws}->disconnect();
$alice->{received} = 0;
is(back($alice), 'resumed', 'a browser that has forgotten everything');
is(next_message($alice) =~ /^:client gap/ && $alice->{gaps}, 1, '... a gap');
heard($alice, qr/ 366 /);
is(scalar(grep { /^(?:@\S+ )?001 alice / } @{ $alice->{lines} }), 1,
    '... and the state of everything: 001');
ok((grep { /^005 alice .*CHANTYPES=#/ } @{ $alice->{lines} }), '... 005');
ok((grep { / 353 .*bob/ } @{ $alice->{lines} }), '... members');
said($alice, 'after the gap');
ok($bob->expect(qr/after the gap$/), '... and it goes on');

# a burst that is larger than the ring, to a browser that is there

my $padding = 'x' x 300;
$bob->say('#room', "burst $_ $padding") for 1 .. 200;
heard($alice, qr/burst 200 /);
is(lines($alice, qr/^burst/), join(' ', map { "burst $_ $padding" } 1 .. 200),
    'a burst, confirmed bit by bit');

# reload

my $old = $alice->{ws};
$t->reload();
is(($old->wait_close())[0], 1012, 'reload');
$bob->say('#room', 'during the reload');
is(back($alice), 'resumed', '... and back to a new worker');
heard($alice, qr/during the reload$/);
is($alice->{gaps}, 1, '... without a gap');

# a killed worker of nginx

my @workers = grep { title($_) =~ /^nginx: worker process$/ }
    children($t->read_file('nginx.pid') =~ s/\s//gr);
kill 'KILL', @workers;
is(($alice->{ws}->wait_close())[0], 1006, 'nginx workers are killed');
$bob->say('#room', 'after the kill');
is(back($alice), 'resumed', '... and it comes back');
heard($alice, qr/after the kill$/);
is($alice->{gaps}, 1, '... without a gap');

# its own process as well

my ($pid) = grep { title($_) eq 'irc-client: alice' } processes($dir);
kill 'KILL', $pid;
$bob->say('#room', 'after its process');
ok($alice->{ws}->expect(qr/after its process$/), 'its process is killed');
$alice->{received}++;

# IRC over WebSocket, text and binary

for my $mode (qw/ text binary /) {
    my $ws = EIRC::WebSocket->connect(port(8080), '/chat?resume=&chat_token='
        . token("irc$mode"), subprotocols => [ "$mode.ircv3.net" ]);
    my ($id, $key) = ($ws->expect(qr/^:client session/) || '')
        =~ /^:client session (\S+) (\S+) 20$/;
    ok($key, "$mode: a session");
    $ws->$_("NICK irc$mode"), $ws->$_("USER x 0 * :x")
        for $mode eq 'text' ? 'send_text' : 'send_binary';
    ok($ws->expect(qr/ 376 /), '... registered');
    my $n = grep { !/^:client / } $ws->messages();
    $ws->disconnect();
    $bob->send("PRIVMSG irc$mode :while away");
    is(EIRC::WebSocket->connect(port(8080), "/chat?resume=$id.$key.$n")
        ->status(), 400, '... not by another subprotocol');
    $ws = EIRC::WebSocket->connect(port(8080), "/chat?resume=$id.$key.$n",
        subprotocols => [ "$mode.ircv3.net" ]);
    ok($ws->expect(qr/PRIVMSG irc$mode :while away$/), '... and back');
    $ws->close(1000);
}

# nobody was seen to leave

is((grep { /^:(?:alice|irctext|ircbinary)!\S+ QUIT .*(?:Connection|reset)/ }
    $bob->lines()), 0, 'the IRC server saw no end of any');

$alice->{ws}->send_text('/quit');
is(($alice->{ws}->wait_close())[0], 1000, '/quit');
is(back($alice), 4501, '... is for good');

# killed workers of nginx are what nginx calls an alert

$t->stop();
my $log = $t->read_file('error.log');
$log =~ s/^.*\[alert\].*exited on signal 9$//gm;
unlike($log, qr/\[(?:alert|emerg|crit)\]/, 'nothing alarming in the log');
$t->write_file('error.log', $log);

is(wait_for(0, 30, $dir), 0, 'no process left behind');


# A browser with a session of its own, as the contract has it: its messages
# from the first on, its lines, and what it knows of the session.

sub browser {
    my ($nick) = @_;
    my $self = { nick => $nick, lines => [], sent => [], received => 0,
        gaps => 0 };

    $self->{ws} = EIRC::WebSocket->connect(port(8080),
        '/chat?resume=&chat_token=' . token($nick, 'room'));

    my $first = next_message($self);
    @$self{qw/ id key linger /} = ($first || '')
        =~ /^:client session (\S+) (\S+) (\d+)$/;
    heard($self, qr/ 366 /);

    return $self;
}


# Comes back: "resumed", or the close code.

sub back {
    my ($self) = @_;
    my $ws;

    # a worker that was killed is followed by another one

    wait_until(5, sub {
        $ws = EIRC::WebSocket->connect(port(8080),
            "/chat?resume=$self->{id}.$self->{key}.$self->{received}");
        return $ws && $ws->status();
    });

    my $old = $self->{ws};
    $self->{ws} = $ws;

    my $first = next_message($self);

    if (!defined $first) {
        $self->{ws} = $old;
        return ($ws->wait_close())[0] || $ws->status();
    }

    my ($count, $key) = $first =~ /^:client resumed (\d+) (\w{64})$/
        or return $first;

    $self->{key} = $key;
    $ws->send_text('');

    my @again = @{ $self->{sent} }[$count .. $#{ $self->{sent} }];
    splice @{ $self->{sent} }, $count, 0, '';
    $ws->send_text($_) for @again;

    return 'resumed';
}


sub said {
    my ($self, @texts) = @_;

    for my $text (@texts) {
        push @{ $self->{sent} }, "PRIVMSG #room :$text";
        $self->{ws}->send_text("PRIVMSG #room :$text");
    }
}


sub next_message {
    my ($self) = @_;
    my $message = $self->{ws}->read_message(5) or return undef;
    my $text = $message->{payload};

    if ($text =~ /^:client gap (\d+)$/) {
        $self->{received} = $1;
        $self->{gaps}++;

    } elsif ($text !~ /^:client (?:session|resumed)(?: |$)/) {
        $self->{received}++;
        push @{ $self->{lines} }, $text;
    }

    return $text;
}


sub heard {
    my ($self, $re) = @_;

    while (defined(my $text = next_message($self))) {
        return 1 if $text =~ $re;
    }

    return 0;
}


# The texts of all lines said that match.

sub lines {
    my ($self, $re) = @_;
    return join ' ', grep { $_ =~ $re }
        map { /^:bob!\S+ PRIVMSG \S+ :(.*)$/ ? $1 : () } @{ $self->{lines} };
}


sub token {
    my ($nick, @channels) = @_;
    my $body = "{\"nick\":\"$nick\",\"channels\":["
        . join(',', map { "\"$_\"" } @channels) . ']}';
    my $length = length $body;
    my ($token) = http_content(http(<<EOR, body => $body)) =~
POST /issue HTTP/1.0
Host: localhost
Content-Type: application/json
Content-Length: $length

EOR
        /"token":\s*"([^"]+)"/;

    return $token;
}
