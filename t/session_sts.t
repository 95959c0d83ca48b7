#!/usr/bin/perl

# Tests for sessions on IRC servers that want TLS (IRCv3 sts).

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::TLS;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix/)->plan(14);
my $dir = $t->testdir();
my $certs = EIRC::TLS->certificates($dir);
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

    eirc_irc_tls_ca %%TESTDIR%%/ca.pem;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /good {
            eirc_pass irc://localhost:%%PORT_8091%%;
        }

        location /bad {
            eirc_pass irc://localhost:%%PORT_8092%%;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $secure = tls($t, 8083, 'good');
my $bad = tls($t, 8084, 'self');
my %plain = map { $_->[0] => plain($t, @$_) } [ 8091, $secure ], [ 8092, $bad ];

$_->wait() for $secure, $bad, values %plain;

$t->run();

# the port is said without TLS, and the login goes over it with TLS

my $ws = chat('/good', nick => 'alice', sasl_secret => 'secret');
ok($ws->expect(qr/^:irc\.tls 001 alice /, 10), 'reached with TLS');
is(join('|', $plain{8091}->received()), 'CAP LS 302|NICK alice|'
    . 'USER alice 0 * :alice', 'no secret was said without');
ok($plain{8091}->wait_for_end(1, 5), '... and that is closed');
is(scalar(grep { / CAP / } $ws->messages()), 0, 'nothing of it is told');
ok(wait_until(5, sub { $t->read_file('eirc.log')
    =~ /\[info\].* the IRC server wants TLS, at port @{[ $secure->port() ]}$/m }),
    'in the log');

# from then on, over and over

for my $round (1, 2) {
    $ws->send_text('PRIVMSG server :cut');
    ok($ws->expect(qr/^:client notice :Connected to the IRC server again/, 20),
        'lost, and back');
}

is(scalar($plain{8091}->received()), 3, '... with TLS each time');

# another session asks for itself

my $other = chat('/good', nick => 'bob', sasl_secret => 'secret');
ok($other->expect(qr/^:irc\.tls 001 bob /, 10), 'another session');
is(scalar($plain{8091}->received()), 6, '... was told itself');

# without a login nothing is asked, and nothing is said

my $open = chat('/good', nick => 'carol');
ok($open->expect(qr/^:irc\.scripted 001 carol /, 10), 'without a login');

# a certificate that is not right is no reason to go back

$ws = chat('/bad', nick => 'dave', sasl_secret => 'secret');
like($ws->expect(qr/^:client error/, 10), qr/certificate/,
    'a bad certificate');
is((grep { /AUTHENTICATE/ } $plain{8092}->received()), 0,
    '... no way back to where there is no TLS');

$_->disconnect() for $ws, $other, $open;

$t->stop();
is(wait_for(0, 20, $dir), 0, 'no process left behind');


sub tls {
    my ($t, $name, $cert) = @_;
    my $server = EIRC::TLS->new($t, port => $name, $certs->pair($cert),
        log => $t->testdir() . "/tls.$name", caps => 'sts=duration=100,port=1');

    $t->run_daemon($server->code());

    return $server;
}


# A server without TLS, which wants it at the port of another one.

sub plain {
    my ($t, $name, $tls) = @_;
    my $port = $tls->port();
    my $server = EIRC::IRCServer->new($t, port => $name, on_line => sub {
        my ($self, $conn, $line) = @_;

        return 0 if $line !~ /^CAP LS/;

        $conn->{cap} = 1;
        $self->reply($conn, ":irc.scripted CAP * LS :sts=port=$port");
        return 1;
    });

    $t->run_daemon($server->code());

    return $server;
}
