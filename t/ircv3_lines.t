#!/usr/bin/perl

# Tests for lines with tags between an IRC client in a browser and servers that
# know IRCv3: what is passed on as it is, and text that goes in pieces.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Client;
use EIRC::IRCServer;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)
    ->has_daemon('inspircd')->plan(40);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT processes=1;
    eirc_run_path %%TESTDIR%%/run;
    eirc_rate     1000r/s burst=1000;
    eirc_flood    off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /slow {
            eirc_flood 5r/s burst=4;
            eirc_pass  irc://127.0.0.1:8090;
        }

        location /scripted {
            eirc_pass irc://127.0.0.1:8091;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081/$eirc_token;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        location ~ ^/(?<nick>\w+)$ {
            default_type application/json;
            return 200 '{"nick":"$nick","channels":["room"]}';
        }
    }
}

EOC

my $dir = $t->testdir();
my @modules = map { "ircv3_$_" } qw/ batch ctctags echomessage labeledresponse
    msgid servertime capnotify /;
my $ircd = EIRC::InspIRCd->new($t, flood => 0, recvq => '64K',
    config => join "\n", map { "<module name=\"$_\">" } 'cap', @modules)
    ->start();

my $server = EIRC::IRCServer->new($t, port => 8091, on_line => \&scripted);
$t->run_daemon($server->code());
$server->wait();

$t->run();
wait_until(5, sub { -S "$dir/run/sockets.0" });

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#room');

my $time = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
my $alice = chat('/chat', 'alice');

# labels, echoes, batches

$alice->send_text('@label=one PRIVMSG #room :hello');
my $echo = $alice->expect(qr/ PRIVMSG #room :hello/);
is(tags($echo)->{label}, 'one', 'an echo has the label');
like(tags($echo)->{time}, qr/^$time$/, 'and the time');
like(tags($echo)->{msgid}, qr/^[^:]\S*$/, 'and an identifier');
ok($carol->expect(qr/^:alice!\S+ PRIVMSG #room :hello/), 'others hear it');

$alice->send_text('@label=two WHOIS carol');
my $batch = $alice->expect(qr/ BATCH \+/);
is(tags($batch)->{label}, 'two', 'several lines are a batch');
my ($ref) = $batch =~ / BATCH \+(\S+) :?labeled-response/;
is(tags($alice->expect(qr/ 311 /))->{batch}, $ref, 'of which each is');
ok($alice->expect(qr/ BATCH :?-\Q$ref\E$/), 'to its end');

$alice->send_text('@label=three PONG :x');
$alice->send_text('@label=four PRIVMSG carol :hi');
is(tags($alice->expect(qr/ PRIVMSG carol :hi/))->{label}, 'four',
    'labels are the client\'s own');

# tags of clients

my $dave = chat('/chat', 'dave');

$alice->send_text('@+a=b\\:\\s\\\\c;+draft/reply=xyz;label=5 TAGMSG #room');
like($dave->expect(qr/ TAGMSG /), qr/\+a=b\\:\\s\\\\c[; ]/, 'escaped as it was');
is(tags($alice->expect(qr/ TAGMSG /))->{label}, '5', 'and echoed');

my $long = '+x=' . 'y' x 3900;
$alice->send_text("\@$long PRIVMSG #room :many tags");
$carol->expect(qr/ :many tags/);
like($dave->expect(qr/ :many tags/), qr/[\@;]\Q$long\E[; ]/, 'long ones');

$alice->send_text('@+x=' . 'y' x 4092 . ' PRIVMSG #room :too many');
is($alice->expect(qr/^FAIL/), 'FAIL * REFUSED :That is no IRC line.',
    'too long ones');

# text in pieces: the first one has the tags, and others see all of it

my $words = join ' ', map { "w\xc3\xb6rd$_" . 'x' x ($_ % 13) } 1 .. 300;

$alice->send_text("\@label=6;+draft/reply=abc PRIVMSG #room :$words");
my @heard = pieces($carol, 'alice');
is(join(' ', map { text($_) } @heard), $words, 'a long text');
cmp_ok(scalar @heard, '>', 4, 'in pieces');

my @echoes = map { $alice->expect(qr/ PRIVMSG #room :/) } @heard;
is(join(' ', map { text($_) } @echoes), $words, 'its echo');
is(join(' ', map { tags($_)->{label} // '-' } @echoes), '6' . ' -' x $#echoes,
    'has the label once');

my @others = map { $dave->expect(qr/^\S+ :alice\S+ PRIVMSG #room :w/) } @heard;
is(join(' ', map { tags($_)->{'+draft/reply'} // '-' } @others),
    'abc' . ' -' x $#others, 'as have others the tags');
is(scalar(grep { !defined tags($_)->{msgid} } @echoes), 0,
    'each is a message');

my $word = "\xe2\x82\xac" x 700;

$alice->send_text("NOTICE #room :$word");
@heard = pieces($carol, 'alice', 'NOTICE');
is(join('', map { text($_) } @heard), $word, 'a long word');
is(scalar(grep { !utf8::decode(my $copy = text($_)) } @heard), 0,
    'between characters');

$alice->send_text("PRIVMSG #room :\x01ACTION $words\x01");
@heard = pieces($carol, 'alice');
is(join(' ', map { text($_) =~ /^\x01ACTION (.*)\x01$/ } @heard), $words,
    'an action');

$alice->send_text('PRIVMSG #room :' . 'y' x 421);
is(length text($carol->expect(qr/^:alice\S+ PRIVMSG #room :y/)), 421,
    'what fits is one');

# questions let others go first, each with its answer

my $bob = chat('/slow', 'bob');

$bob->send_text(join "\n", (map { "\@label=q$_ WHOIS nobody" } 1 .. 12),
    '@label=t PRIVMSG #room :said');
ok($bob->expect(qr/label=t[; ].* PRIVMSG #room :said/), 'talk goes first');
cmp_ok(scalar(grep { / 401 / } $bob->messages()), '<', 12, 'before answers');
ok($bob->expect(qr/label=q12[; ]/), 'of which');
is(join(' ', map { /label=q(\d+)[; ]/ ? $1 : () } $bob->messages()),
    join(' ', 1 .. 12), 'there is one to each question');

# a server with everything

my $erin = chat('/scripted', 'erin');

$erin->send_text('CHATHISTORY LATEST #room * 50');
is_deeply([ map { $erin->expect(qr/room|erin|BATCH/) } 1 .. 8 ], history(),
    'history, as it is');
is($server->wait_for(qr/^CHATHISTORY/, 5), 'CHATHISTORY LATEST #room * 50',
    'that was asked for');

$erin->send_text('MARKREAD #room timestamp=2026-01-01T00:00:00.000Z');
is($erin->expect(qr/MARKREAD/),
    ':irc MARKREAD #room timestamp=2026-01-01T00:00:00.000Z',
    'a marker of what was read');

$erin->send_text('CHATHISTORY BEFORE #x timestamp=1 5');
is($erin->expect(qr/FAIL/), '@label=9 FAIL CHATHISTORY INVALID_PARAMS BEFORE '
    . ':no', 'standard replies');

$erin->send_text("BATCH +r draft/multiline #room\n"
    . "\@batch=r PRIVMSG #room :" . 'a' x 600 . ' ' . 'b' x 20 . "\n"
    . "\@batch=r PRIVMSG #room :second\nBATCH -r");
ok($server->wait_for(qr/^BATCH -r$/, 5), 'text of several lines');
my @batch = grep { /BATCH [+-]|batch=/ } $server->received();
is(scalar @batch, 5, 'a long one in two');
like($batch[2], qr/^\@batch=r;draft\/multiline-concat PRIVMSG #room :a+ b+$/,
    'of one');

my $all = join '', map { text($_) } @batch[1, 2];
is($all, 'a' x 600 . ' ' . 'b' x 20, 'without a change');

# as long as lines may be, and longer

my $tags = '@a=' . 'b' x 8187;

$erin->send_text('PRIVMSG irc :tags 8187');
is($erin->expect(qr/:c/), "$tags :irc NOTICE erin :" . 'c' x 460,
    'all of the tags of a server');
$erin->send_text('PRIVMSG irc :tags 8188');
$erin->send_text('PRIVMSG irc :tags 1');
is($erin->expect(qr/:c/), '@a=b :irc NOTICE erin :' . 'c' x 460,
    'no more than there may be');
$erin->send_text('PRIVMSG irc :nested');
is_deeply([ map { $erin->expect(qr/./) } 1 .. 6 ], nested(),
    'batches within others, and beside');
$erin->send_text('@label=' . 'l' x 64 . ' PRIVMSG irc :x');
is($server->wait_for(qr/^\@label=l/, 5), '@label=' . 'l' x 64
    . ' PRIVMSG irc :x', 'the longest label');
$erin->send_text('@label=;+a=;b PRIVMSG irc :y');
is($server->wait_for(qr/^\@label=;/, 5), '@label=;+a=;b PRIVMSG irc :y',
    'tags without values');

$_->disconnect() for $alice, $bob, $dave, $erin;
$carol->quit();
$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');

###############################################################################

sub chat {
    my ($uri, $nick) = @_;
    my $ws = EIRC::WebSocket->connect(port(8080), "$uri?chat_token=$nick",
        subprotocols => [ 'text.ircv3.net' ], timeout => 10);

    $ws->send_text(join "\n", 'CAP LS 302', "NICK $nick", "USER $nick 0 * :x",
        'CAP REQ :batch echo-message labeled-response message-tags '
        . 'server-time', 'CAP END');
    $ws->expect(qr/ ACK /) or die "no capabilities for $nick\n";
    $ws->expect(qr/ 366 /) or die "no channel for $nick\n";

    return $ws;
}


sub tags {
    my ($line) = @_;

    return {} if !defined $line || $line !~ /^\@(\S+) /;
    return { map { /^([^=]*)=?(.*)/ } split /;/, $1 };
}


sub text {
    my ($line) = @_;
    return $line =~ s/^(\@\S+ )?(:\S+ )?\S+ \S+ ://r;
}


# What somebody says in the channel in pieces, the last one of which is told
# by a line of ours behind it.

sub pieces {
    my ($who, $nick, $verb) = @_;
    my @lines;

    $alice->send_text('PRIVMSG #room :that was it');

    while (my $line = $who->expect(qr/^:\Q$nick\E!\S+ (PRIVMSG|NOTICE) /)) {
        last if $line =~ /:that was it/;
        push @lines, $line;
    }

    $alice->expect(qr/:that was it/) if defined $verb;

    return @lines;
}


sub history {
    my @lines = map { "\@batch=h;time=2026-01-01T00:00:0$_.000Z;msgid=m$_ "
        . ":x!y\@z PRIVMSG #room :line $_" } 1 .. 3;

    return [ '@label=1 :irc BATCH +o labeled-response',
        '@batch=o :irc BATCH +h chathistory #room', @lines, ':irc BATCH -h',
        ':irc BATCH -o', ':irc 761 erin #room k * :v' ];
}


sub nested {
    return [ ':irc BATCH +1 netsplit a.example b.example',
        ':irc BATCH +2 chathistory #room',
        '@batch=1 :x!y@z QUIT :a.example b.example',
        '@batch=2 :x!y@z PRIVMSG #room :before', ':irc BATCH -1',
        ':irc BATCH -2' ];
}


sub scripted {
    my ($self, $c, $line) = @_;

    if ($line =~ /:tags (\d+)/) {
        $self->reply($c, '@a=' . 'b' x $1 . ' :irc NOTICE erin :' . 'c' x 460);
        return 1;
    }

    if ($line =~ /:nested/) {
        $self->reply($c, @{ nested() });
        return 1;
    }

    if ($line =~ /^CAP REQ :(.*)/) {
        $self->reply($c, ":irc CAP $c->{nick} ACK :$1");
        return 1;
    }

    if ($line =~ /^CHATHISTORY LATEST/) {
        $self->reply($c, @{ history() });
        return 1;
    }

    if ($line =~ /^CHATHISTORY/) {
        $self->reply($c, '@label=9 FAIL CHATHISTORY INVALID_PARAMS BEFORE :no');
        return 1;
    }

    if ($line =~ /^MARKREAD/) {
        $self->reply($c, ":irc $line");
        return 1;
    }

    return $line =~ /^BATCH|batch=/;
}

###############################################################################
