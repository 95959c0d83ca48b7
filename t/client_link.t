#!/usr/bin/perl

# Tests for a user's process behind the link: counts, messages of any size,
# flood control, a browser that takes nothing, records that break a rule, how
# a session ends; what an idle user costs.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(40);
my $dir = $t->testdir();

my $irc = EIRC::IRCServer->new($t, port => 8081, raw => {
    '!many' => join('', map { ":bob!b\@h PRIVMSG x :$_ " . 'y' x 380
        . "\x0d\x0a" } 1 .. 5000) });
$irc->{raw}{'!huge'} = $irc->{raw}{'!many'} . 'z' x 60000
    . "\x0d\x0a:bob!b\@h PRIVMSG x :after\x0d\x0a";
my $silent = EIRC::IRCServer->new($t, port => 8082, silent => 1);
$t->run_daemon($_->code()) for $irc, $silent;
$_->wait() for $irc, $silent;

# sanitizers take more memory than all of the rest

my $sanitized = slurp(irc_client()) =~ /__asan_init/;

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();

# raw lines and commands, several of them in a message

my $p = session('alice', channels => [ '#one' ]);
my $id = $p->recv(5)->{body};
my @lines = $p->lines(5, qr/ 366 /);

say($p, 0, "PRIVMSG #one :first\n\r\n/channels\r/users one\n"
    . "/input PRIVMSG #one :second\n");
is(join('|', $p->lines(5, qr/client users/)), ':client channels :#one|'
    . ':client users #one :alice', 'commands');
ok($irc->wait_for(qr/^PRIVMSG #one :second$/, 5), '/input');
ok((grep { $_ eq 'PRIVMSG #one :first' } $irc->received()), 'a raw line');

# counts

say($p, 0, '/channels');
say($p, 1, '');
say($p, 2, 'PRIVMSG alice :third');

my $record = $p->recv_type(LINES, 5);

like($record->{body}, qr/third/, 'a message seen before is dropped, an empty'
    . ' one counts');
is($record->{count}, @lines + 2, 'count of lines');

$p->send(CONFIRM, count => @lines + 3);
say($p, 3, '/channels');
like(($p->lines(5, qr/./))[0], qr/client channels/, 'confirmed');

# a large message, whole lines of it

my $text = join '', map { sprintf "PRIVMSG alice :%05d\n", $_ } 1 .. 3000;
say($p, 4, $text);
my @numbers = map { /:(\d{5})$/ ? $1 + 0 : () } $p->lines(10, qr/:03000$/);
is(join(' ', @numbers), join(' ', 1 .. 3000), '60 KB of lines');

# the browser takes nothing: nothing is lost, IRC waits

say($p, 5, 'PRIVMSG alice :!many');
ok(irc_waits(), 'IRC waits');
my ($pid) = $layer->workers();

SKIP: {
    skip('root alone may look', 1) if $> != 0;
    skip('memory under sanitizers', 1) if $sanitized;

    cmp_ok(private($pid), '<', 600, 'memory while the browser takes nothing');
}

@numbers = map { / :(\d+) y/ ? $1 : () } $p->lines(10, qr/ :5000 y/);
is(scalar @numbers, 5000, '5,000 lines wait');
is_deeply(\@numbers, [ 1 .. 5000 ], '... in order');

say($p, 6, 'PRIVMSG alice :!huge');
ok(irc_waits(), 'IRC waits again');
ok((grep { /PRIVMSG x :after/ } $p->lines(10, qr/ :after/)),
    'a line that is too long waits, too');

# the end

$p->send(ENDED, value => 2, body => 'closed');
is($p->recv_type(ENDED, 5)->{eof}, 1, 'END: end of file');
ok($irc->wait_for(qr/^QUIT :eIRC/, 5, 1), '... QUIT');
ok($layer->wait_for_log(qr/\Q$id\E session ended: closed/, 5),
    '... in the log');

for my $how (qw/ DETACH close /) {
    my $before = grep { /^QUIT/ } $irc->received();

    $p = session("user$how");
    $p->lines(5, qr/ 376 /);
    $how eq 'close' ? $p->close() : $p->send(DETACH);

    ok(wait_until(5, sub {
        $before < grep { /^QUIT/ } $irc->received();
    }), "$how: QUIT");
}

ok(wait_until(5, sub { !$layer->workers() }), 'no process left');

$p = session('bob', channels => 'a,b');
$p->lines(5, qr/ 366 \S+ #b/);
say($p, 0, "/quit\n/channels");
is(join('|', map { s/:bob!\S+ //r } $p->lines(5, qr/^Disconnected/)),
    'PART #a|PART #b|ERROR :Closing link: eIRC ('
    . ' https://github.com/jesse-greathouse/eIRC )|Disconnected.', '/quit');
$record = $p->recv(5);
is($record->{type}, ENDED, '... END');
is($record->{value}, 1, '... quit');
is($p->recv(5)->{eof}, 1, '... end of file');

# flood control: two at once, then ten in a second; a quit waits in its turn

$p = session('carol', flood_rate => 10000, flood_burst => 2);
$p->lines(5, qr/ 376 /);
my $start = time();
say($p, 0, join '', map { "PRIVMSG carol :$_\n" } 1 .. 7);
say($p, 1, '/channels');
@lines = $p->lines(5, qr/PRIVMSG carol :7/);
is(join(' ', map { /PRIVMSG carol :(\d)/ ? $1 : () } @lines), '1 2 3 4 5 6 7',
    'flood control drops nothing');
my $took = time() - $start;
cmp_ok($took, '>', 0.45, '... and slows down');
cmp_ok($took, '<', 3, '... not too much');

$p->send(MESSAGE, count => 2, body => "PRIVMSG carol :x\nPRIVMSG carol :y\n"
    . "PRIVMSG carol :z");
$p->close();
ok($irc->wait_for(qr/^PRIVMSG carol :z$/, 5), 'what was said before leaving'
    . ' still goes');
ok(wait_until(5, sub { !$layer->workers() }), '... and then it ends');

# lines that nobody has taken are there: the link is reset, and still what was
# said is heard

$p = session('frank');
$p->lines(5, qr/ 376 /);
($pid) = $layer->workers();
say($p, 0, 'PRIVMSG frank :!many');
$p->recv(5);
kill 'STOP', $pid;
say($p, $_, "PRIVMSG frank :word $_") for 1 .. 3;
$p->close();
kill 'CONT', $pid;
ok($irc->wait_for(qr/^PRIVMSG frank :word 3$/, 5), 'last words of one who'
    . ' does not listen');
ok(wait_until(5, sub { !$layer->workers() }), '... and then it ends');

# records that break a rule end the session

for my $case (
    [ 'count ahead', sub { say($_[0], 1, 'x') } ],
    [ 'unknown type', sub { $_[0]->send(99) } ],
    [ 'type of another', sub { $_[0]->send(LINES, value => 1, body => 'x') } ],
    [ 'short', sub { $_[0]->send_raw("\x13") } ],
    [ 'long', sub { $_[0]->send_raw(pack('CCvVQ<', MESSAGE, 0, 0, 0, 0)
        . 'x' x 65537) } ],
    [ 'confirms too much', sub { $_[0]->send(CONFIRM, count => 1000) } ])
{
    my ($name, $code) = @$case;

    $p = session('dave');
    $p->lines(5, qr/ 376 /);
    $code->($p);
    is($p->recv_type(ENDED, 5)->{eof}, 1, "broken: $name");
}

ok($layer->wait_for_log(qr/broken record on the link/, 5), '... in the log');

# the server never answers: leaving takes no longer than it must

$p = $layer->session(account => 'erin', user => '{"nick":"erin"}',
    servers => [ [ '127.0.0.1', $silent->port() ] ]);
$p->recv(5);
say($p, 0, '/channels');
ok($silent->wait_for(qr/^USER /, 5), 'silent server');
say($p, 1, '/input QUIT :enough');
$p->close();
ok(wait_until(5, sub { !$layer->workers() }), '... leaving it');

# what a user costs

my @peers = map { session("idle$_", channels => 'a,b,c') } 1 .. 10;
$_->lines(5, qr/ 366 \S+ #c/) for @peers;

SKIP: {
    skip('root alone may look', 1) if $> != 0;
    skip('memory under sanitizers', 1) if $sanitized;

    my @private = sort { $a <=> $b } map { private($_) } $layer->workers();
    cmp_ok($private[-1], '<', 100, 'private memory of idle users')
        or diag("@private KB");
}


# What IRC has sent stays in the kernel: the process reads no further.

sub irc_waits {
    my $port = sprintf '%04X', $irc->port();
    my $last = 0;

    return wait_until(10, sub {
        my ($unread) = grep { $_ > 0 } map { hex } slurp('/proc/net/tcp')
            =~ m!^ *\d+: \w+:\w+ \w+:$port 01 \w+:(\w+)!mg;
        my $same = $unread && $unread == $last;

        $last = $unread || 0;

        return $same;
    });
}


sub say {
    my ($peer, $count, $body) = @_;

    return $peer->send(MESSAGE, count => $count, body => $body);
}


sub session {
    my ($nick, %opt) = @_;
    my $peer = $layer->session(account => $nick, user => undef,
        servers => [ [ '127.0.0.1', $irc->port() ] ]);
    my $channels = !$opt{channels} ? '""'
        : ref $opt{channels} ? '["' . join('","', @{ $opt{channels} }) . '"]'
        : "\"$opt{channels}\"";

    $peer->send(USER, body => '{"user":{"nick":"' . $nick . '","channels":'
        . $channels . '},"address":"::1","port":9,"secure":true,'
        . '"mode":"eirc","flood_rate":' . ($opt{flood_rate} || 0)
        . ',"flood_burst":' . ($opt{flood_burst} || 1) . '}');

    return $peer;
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return '';
    local $/;

    return scalar <$fh>;
}


# KB that a process has for itself

sub private {
    my ($pid) = @_;
    my $kb = 0;

    open my $fh, '<', "/proc/$pid/smaps_rollup"
        or die "/proc/$pid/smaps_rollup: $!\n";

    while (<$fh>) {
        $kb += $1 if /^Private_\w+:\s+(\d+) kB/;
    }

    return $kb;
}
