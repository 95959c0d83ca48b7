#!/usr/bin/perl

# Tests for TLS between the processes of users and the IRC server: with a real
# server, with certificates that are refused, and what becomes of relays.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::Sockets;
use EIRC::TLS;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(31);
my $dir = $t->testdir();

my $certs = EIRC::TLS->certificates($dir);
my $pin = $certs->fingerprint('good');
my $other = '00' x 32;
my $client = irc_client();
my ($tls, $expired, $asks, $wrong) = map { port($_) } 8091, 8083, 8084, 8085;

$t->write_file_expand('nginx.conf', <<EOC =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT processes=1;
    eirc_run_path %%TESTDIR%%/run;
    eirc_limit    0;

    eirc_irc_tls_ca %%TESTDIR%%/ca.pem;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass ircs://localhost:$tls;
        }

        location /system {
            eirc_pass ircs://localhost:$tls;
            eirc_irc_tls_ca /etc/ssl/certs/ca-certificates.crt;
        }

        location /pinned {
            eirc_pass ircs://127.0.0.1:8091;
            eirc_irc_tls_fingerprint $other $pin;
        }

        location /mispinned {
            eirc_pass ircs://localhost:$tls;
            eirc_irc_tls_fingerprint $other;
        }

        location /unverified {
            eirc_pass ircs://localhost:$expired;
            eirc_irc_tls_verify off;
        }

        location /client {
            eirc_pass ircs://localhost:$asks;
            eirc_irc_tls_certificate client.pem;
            eirc_irc_tls_certificate_key client.key;
        }

        location /wrong {
            eirc_pass ircs://localhost:$wrong;
        }

        location /second {
            eirc_pass ircs://localhost:$wrong ircs://localhost:$tls;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $ircd = EIRC::InspIRCd->new($t, flood => 0, config => <<EOC)->start();
<module name="ssl_gnutls">
<module name="sslinfo">
<sslprofile name="clients" provider="gnutls" certfile="$dir/good.pem"
    keyfile="$dir/good.key" cafile="" crlfile="" hash="sha256">
<bind address="127.0.0.1" port="$tls" type="clients" sslprofile="clients">
EOC

my %server = (
    expired => EIRC::TLS->new($t, port => 8083, $certs->pair('expired')),
    client => EIRC::TLS->new($t, port => 8084, $certs->pair('good'),
        client_ca => "$dir/ca.pem"),
    wrong => EIRC::TLS->new($t, port => 8085, $certs->pair('other')),
);

$t->run_daemon($_->code()) for values %server;
$_->wait() for values %server;
$t->run();

# a real server

my $alice = chat('/chat', nick => 'alice', channels => ['room']);
ok($alice->expect(qr/^:\S+ 001 alice /), 'TLS to InspIRCd');
ok($alice->expect(qr/ JOIN :?#room/), 'joined');

my $bob = chat('/pinned', nick => 'bob', channels => ['room']);
ok($bob->expect(qr/ JOIN :?#room/), 'a fingerprint, the second of two');

$bob->send_text('PRIVMSG #room :hello alice');
ok($alice->expect(qr/^:bob!\S+ PRIVMSG #room :hello alice$/), 'they talk');
$alice->send_text('WHOIS alice');
ok($alice->expect(qr/ 671 alice alice :/), 'the server knows of TLS');

ok(wait_until(5, sub { relays() == 2 }),
    'relays for two ways to trust one server');

SKIP: {
    my ($relay) = relays();
    skip 'no relay', 4 if !$relay;

    my $status = slurp("/proc/$relay/status");
    like($status, qr/^Seccomp:\s+2$/m,
        'the system calls of a relay are filtered');
    like($status, qr/^NoNewPrivs:\s+1$/m, '... and no way to more');
    is((stat "/proc/$relay/fd")[4], 0, '... and is not dumpable');

    my ($user) = grep { title($_) =~ /: alice$/ } processes($dir);
    unlike(slurp("/proc/$user/maps"), qr/libssl/,
        'no TLS of OpenSSL in the process of a user');
}

# what is refused

for my $case (
    [ '/system', 'certificate refused: (?:unable|self-signed)', 'authority' ],
    [ '/wrong', 'certificate refused: hostname mismatch', 'host' ],
    [ '/mispinned', 'certificate refused: its fingerprint', 'fingerprint' ])
{
    my $user = chat($case->[0], nick => 'dave');
    like($user->expect(qr/^:client error :TLS/) || '',
        qr/^:client error :TLS to localhost \d+ failed: $case->[1]/,
        "another $case->[2]");
    like($t->read_file('eirc.log'), qr/\[error\].* TLS to .*$case->[1]/,
        '... in the log too');
    $user->disconnect();
}

ok(chat('/second', nick => 'erin')->expect(qr/ 001 erin /),
    'after a server with a wrong certificate the next one');
ok(chat('/unverified', nick => 'fay')->expect(qr/ 001 fay /),
    'no verification');

my $gina = chat('/client', nick => 'gina');
ok($gina->expect(qr/ 001 gina /), 'client certificate');
$gina->send_text('PRIVMSG server :who');
ok($gina->expect(qr/you are client$/), '... is the one');

# a relay dies

my $watcher = EIRC::Client->new($ircd->port(), 'watcher');
$watcher->join('#room');

kill 'KILL', relays();
ok($alice->expect(qr/^:client (?:error|status)? ?.*connection to the IRC/i),
    'a relay is killed: its users are told');
ok($watcher->expect(qr/^:alice!\S+ QUIT/, 10), '... gone from IRC');
ok($alice->expect(qr/ JOIN :?#room/, 30), '... and come back');

# who leaves leaves nothing

$alice->send_text('/quit');
is(($alice->wait_close(10))[0], 1000, 'the command /quit');
ok($watcher->expect(qr/^:alice!\S+ PART #room :?"?Bye bye/, 10),
    '... is said');

ok(wait_until(10, sub {
    $t->read_file('eirc.log') =~ /relay \d+ exited with code 0/
}), 'a relay that nobody needs ends');

$_->disconnect() for $bob, $gina;
$t->stop();

# InspIRCd with GnuTLS crashes when it is asked to end

$ircd->kill();

is(wait_for(0, 15, $dir), 0, 'no process left behind');

# as many users as a relay takes

my $layer = EIRC::Sockets->new($t, dir => "$dir/few",
    log => "$dir/few.log", args => ['--relay-sessions=2']);
$layer->start();
my $watch = $layer->watch();
my $blob = pack('CCv3', 1, 0, 0, 0, 0);
my @peers;

for my $n (1 .. 5) {
    push @peers, $layer->session(account => "a$n", tls => $blob,
        servers => [ [ 'localhost', $server{expired}->port(), 1 ] ],
        user => "{\"nick\":\"user$n\"}");
}

is(scalar(grep { $_->lines(10, qr/ 001 /) } @peers), 5, 'five users');
is(scalar(of_layer()), 3, '... need three relays of two');

$peers[0]->close();
$peers[1]->close();
ok(wait_until(10, sub { of_layer() == 2 }), 'a relay without users ends');

$layer->stop();
ok(wait_until(10, sub { !processes("$dir/few") }), 'all end with the layer');


sub of_layer {
    return grep { title($_) eq 'irc-client: relay' } children($layer->pid());
}


sub relays {
    return grep { title($_) eq 'irc-client: relay' } processes("$dir/run");
}


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;

    return scalar <$fh>;
}
