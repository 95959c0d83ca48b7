#!/usr/bin/perl

# Tests for relays whose socket layer is killed: they carry on, the next layer
# takes them, and nobody is taken for one who can't show its card.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::Sockets;

use Digest::SHA qw/ hmac_sha256 /;
use Socket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

use constant { RESCUE => 6, CARRIES => 39, UNKNOWN => 99 };

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->has_daemon('inspircd')
    ->write_file('error.log', '')->plan(26);
my $dir = $t->testdir();
my $path = "$dir/ircd.sock";

my $ircd = EIRC::InspIRCd->new($t, flood => 0,
    config => "<bind path=\"$path\" type=\"clients\">")->start();
my $friend = EIRC::Client->new($ircd->port(), 'friend');

my $layer = EIRC::Sockets->new($t)->start();
my $watch = $layer->watch();

my $alice = $layer->session(servers => [ [ $path, 0, 2 ] ]);
ok($alice->lines(10, qr/ 001 alice /), 'a user');

my ($relay) = grep { title($_) eq 'irc-client: relay' }
    children($layer->pid());
my ($worker) = $layer->workers();
ok($relay, 'a relay');

# the layer dies

my $sent = 0;

kill 'KILL', $layer->pid();
is($layer->wait_for_exit(5), 9, 'the layer is killed');
ok(kill(0, $relay), '... but not the relay');

$alice->send(MESSAGE, count => $sent++, body => 'PRIVMSG friend :alone');
ok($friend->expect(qr/^:alice!\S+ PRIVMSG friend :alone$/),
    'it carries what the user says');
$friend->say('alice', 'so am I');
ok($alice->lines(5, qr/^:friend!\S+ PRIVMSG alice :so am I$/),
    '... and what is said to the user');

# the next one

$layer->start();
ok($layer->wait_for_log(qr/\[notice\].* relay $relay came back with 1 conn/, 10),
    'the next layer has the relay');
$watch = $layer->watch();
ok(kill(0, $relay), '... the same');

$alice->send(MESSAGE, count => $sent++, body => 'PRIVMSG friend :found');
ok($friend->expect(qr/^:alice!\S+ PRIVMSG friend :found$/), 'it carries on');

# once more

kill 'KILL', $layer->pid();
is($layer->wait_for_exit(5), 9, 'that layer is killed too');
$layer->start();
ok($layer->wait_for_log(qr/(?:relay $relay came back with 1 conn.*){2}/s, 10),
    'one more has the relay');
$watch = $layer->watch();

# new users are for new relays

my $bob = $layer->session(account => 'bob', servers => [ [ $path, 0, 2 ] ],
    user => '{"nick":"bob"}');
ok($bob->lines(10, qr/ 001 bob /), 'another user');
is(scalar(grep { title($_) eq 'irc-client: relay' }
    children($layer->pid())), 1, '... has a new relay');

$alice->send(MESSAGE, count => $sent++, body => 'PRIVMSG friend :bye');
ok($friend->expect(qr/^:alice!\S+ PRIVMSG friend :bye$/),
    'the old one carries its user');
$alice->close();
ok(wait_for_end($worker, 10), 'who leaves');
ok(wait_for_end($relay, 10), '... and it ends with him');
ok($layer->wait_for_log(qr/\[notice\].* relay $relay is gone/, 5),
    '... as the log says');

# who is not what he says

$bob->close();
ok(wait_until(15, sub { !grep { title($_) eq 'irc-client: relay' }
    children($layer->pid()) }), 'no relay is left');
my $key = do {
    open my $fh, '<:raw', $layer->dir() . '/key' or die "key: $!\n";
    local $/;
    <$fh>;
};

refused('no card', "\0" x 132);
refused('another key', card('0-relay1', key => 'x' x 32));
refused('of another layer', card('1-relay1'));

my $first = rescue(card('0-relay1'));
$first->send_raw(control(CARRIES, 1, ''));
$layer->wait_for_log(qr/relay $$ came back with 0 connections/, 5);
refused('whose card is there already', card('0-relay1'));

# a relay that lists more than it can carry, or says what there is not

$first->send_raw(control(CARRIES, 1, 'x' x 8));
is_deeply($first->recv(5), { eof => 1 }, 'a list behind the list');

my $second = rescue(card('0-relay2'));
$second->send_raw(control(CARRIES, 0, 'x' x 4096)) for 1 .. 2;
ok(gone($second), 'too long a list');

my $third = rescue(card('0-relay3'));
$third->send_raw(control(UNKNOWN, 0, ''));
ok(gone($third), 'an unknown record');
is($layer->stop(), 0, 'end');


sub gone {
    my ($peer) = @_;
    my $record = $peer->recv(5);

    return $record && ($record->{eof} || $record->{error});
}


sub refused {
    my ($name, $card) = @_;

    ok(gone(rescue($card)), "refused: $name");
}


# A card as a layer would have made it.

sub card {
    my ($id, %opt) = @_;
    my $text = pack('CCCCa32a64', 1, 2, 0, 0, $id, '');

    return $text . hmac_sha256($text, $opt{key} || $key);
}


sub control {
    my ($type, $status, $data) = @_;

    return pack('LlLLQ', $type, $status, 0, length $data, 0) . $data;
}


sub rescue {
    my ($card) = @_;

    socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket(): $!\n";
    bind($s, pack 'S', AF_UNIX) or die "bind(): $!\n";
    connect($s, pack_sockaddr_un($layer->path())) or die "connect(): $!\n";

    my $peer = bless { socket => $s }, 'EIRC::Sockets::Peer';

    $peer->send(RESCUE, value => 1, count => 1, body => $card);

    return $peer;
}
