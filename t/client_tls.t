#!/usr/bin/perl

# Tests for TLS of irc-client standing alone: which certificates are taken and
# which are not, and why; much at once; ends of every kind.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Alone;
use EIRC::Processes;
use EIRC::TLS;
use IO::Socket::INET;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(36);
my $dir = $t->testdir();
my $certs = EIRC::TLS->certificates($dir);
my $ca = '--tls-ca=' . $certs->file('ca.pem');

my %server = (
    good => server($t, 8081, $certs->pair('good')),
    other => server($t, 8082, $certs->pair('other')),
    expired => server($t, 8083, $certs->pair('expired')),
    self => server($t, 8084, $certs->pair('self')),
    old => server($t, 8085, $certs->pair('good'), version => 'TLSv1_1'),
    client => server($t, 8086, $certs->pair('good'),
        client_ca => $certs->file('ca.pem')),
    plain => server($t, 8087, plain => 1),
    twelve => server($t, 8088, $certs->pair('good'), version => 'TLSv1_2'),
);

$_->wait() for values %server;

# taken

my $alice = start($t, 'good', $ca);
ok($alice->expect(qr/ 376 /), 'a chain to the given authority');
ok(start($t, 'good', $ca, '--server=127.0.0.1')->expect(qr/ 376 /),
    'an address in the certificate');
ok(start($t, 'twelve', $ca)->expect(qr/ 376 /), 'TLS 1.2');
ok(start($t, 'self', '--tls-fingerprint=' . $certs->fingerprint('self'))
    ->expect(qr/ 376 /), 'a fingerprint replaces the chain');
ok(start($t, 'other', '--tls-fingerprint=' . ('00' x 32) . ','
    . lc $certs->fingerprint('other') =~ tr/://dr)->expect(qr/ 376 /),
    '... and the host, without colons, the second of two');
ok(start($t, 'expired', '--tls-verify=off')->expect(qr/ 376 /),
    'no verification');

# refused

refused($t, 'good',
    qr/certificate refused: (?:unable to get local issuer|self)/,
    'an authority that the system does not know');
refused($t, 'other', qr/certificate refused: hostname mismatch/, 'wrong host',
    $ca);
refused($t, 'other', qr/certificate refused: IP address mismatch/,
    'wrong address', $ca, '--server=127.0.0.1');
refused($t, 'expired', qr/certificate refused: certificate has expired/,
    'expired', $ca);
refused($t, 'self', qr/certificate refused: self-signed certificate/,
    'signed by itself', $ca);
refused($t, 'good', qr/certificate refused: its fingerprint is not/,
    'another fingerprint', $ca, '--tls-fingerprint=' . ('ab' x 32));
refused($t, 'old', qr/handshake: \S/, 'TLS 1.1', $ca);
refused($t, 'plain', qr/handshake: /, 'no TLS at all', $ca);

# a client certificate

my $client = start($t, 'client', $ca,
    '--tls-certificate=' . $certs->file('client.pem'),
    '--tls-key=' . $certs->file('client.key'));
ok($client->expect(qr/ 376 /), 'client certificate');
$client->send('/input PRIVMSG server :who');
ok($client->expect(qr/you are client$/), '... is the one');
ok(start($t, 'client', $ca,
    '--tls-certificate=' . $certs->file('client-both.pem'))
    ->expect(qr/ 376 /), 'certificate and key in one file');

my $none = start($t, 'client', $ca);
ok($none->expect(qr/Disconnected/, 10), 'none where one is required');

my $bad = start($t, 'good', $ca,
    '--tls-certificate=' . $certs->file('good.pem'),
    '--tls-key=' . $certs->file('client.key'));
$bad->rest(10);
like($bad->log(), qr/key of the client certificate \S+client\.key cannot be/,
    'a key that is another\'s');

# the port that means it, at an address of its own

my $listener = IO::Socket::INET->new(Listen => 1, LocalPort => 6697,
    LocalAddr => '127.66.97.1', ReuseAddr => 1) or die "no port 6697: $!\n";
my $meant = EIRC::Alone->start($t, args => [ '--nick=alice', '--port=6697',
    '--server=127.66.97.1', "--listen=$dir", "--log=$dir" ], tls => 1);
my $hello = $listener->accept();
sysread($hello, my $byte, 1);
is(ord $byte, 22, 'port 6697: a handshake without being asked');
close $hello;

# options that can't be

for my $case ([ '--tls-fingerprint=abc', 'Invalid --tls-fingerprint: abc' ],
    [ '--tls-ca=/nowhere', 'Invalid --tls-ca: /nowhere' ],
    [ '--tls-verify=maybe', '--tls-verify is on or off, not maybe' ],
    [ "--tls-key=$dir/good.key", '--tls-key needs a --tls-certificate' ])
{
    my $c = start($t, 'good', $case->[0], { connect => 0 });
    is($c->wait_for_exit(), 1, $case->[1]);
    like($c->errors(), qr/\Q$case->[1]\E/, '... is told');
}

# much in both directions, while the other side is slow

$alice->send('/input PRIVMSG server :deaf');
$alice->send('/input PRIVMSG server :flood 5000');
$alice->send(map { '/input PRIVMSG server :x' . ('y' x 300) } 1 .. 2000);
my @got;

while (my $line = $alice->expect(qr/ NOTICE /, 20)) {
    push @got, $line =~ /:(\d+) x/;
    last if @got && $got[-1] == 5000;
}

ok(join(' ', @got) eq join(' ', 1 .. 5000),
    '5000 lines, complete and in order');
$alice->send('/input PRIVMSG server :count');
my ($bytes) = ($alice->expect(qr/:bytes /, 20) || '') =~ /bytes (\d+)/;
cmp_ok($bytes || 0, '>', 2000 * 317, '... and as many in the other one');

# ends

$alice->send('/quit');
is(join('|', grep { /Closing|Disconnected/ } @{ $alice->rest() || [] }),
    'ERROR :Closing link|Disconnected.', 'QUIT');

my $cut = start($t, 'good', $ca);
$cut->expect(qr/ 376 /);
$cut->send('/input PRIVMSG server :cut');
my $rest = join '|', @{ $cut->rest() || [] };
like($rest, qr/connection to the IRC server was lost.*Disconnected/,
    'a connection that is cut off');
unlike($rest, qr/half a li/, '... half a line is none');

my $bye = start($t, 'good', $ca);
$bye->expect(qr/ 376 /);
$bye->send('/input PRIVMSG server :bye');
like(join('|', @{ $bye->rest() || [] }), qr/was lost/, 'one that is closed');

# the relay dies

my $killed = start($t, 'good', $ca);
$killed->expect(qr/ 376 /);
my ($relay) = grep { title($_) eq 'irc-client: relay' } children($killed->pid());
kill 'KILL', $relay;
like(join('|', @{ $killed->rest() || [] }), qr/was lost.*Disconnected/,
    'its relay is killed');

$_->hang_up() for $client, $killed;
ok(wait_for_end($client->pid(), 10), 'the user leaves');


sub server {
    my ($t, $port, %opt) = @_;
    my $server = EIRC::TLS->new($t, port => $port, %opt);

    $t->run_daemon($server->code());

    return $server;
}


sub start {
    my ($t, $name, @args) = @_;
    my %opt = ref $args[-1] ? %{ pop @args } : ();

    return EIRC::Alone->start($t, args => [ '--nick=alice',
        '--server=localhost', '--port=' . $server{$name}->port(), '--tls',
        '--listen=' . $t->testdir(), '--log=' . $t->testdir(), @args ],
        tls => 1, %opt);
}


sub refused {
    my ($t, $name, $re, $title, @args) = @_;
    my $client = start($t, $name, @args);

    like(join('|', @{ $client->rest(15) || [] }),
        qr/^:client error :TLS to \S+ \d+ failed: [^|]*$re.*Disconnected/,
        $title);

    return;
}
