#!/usr/bin/perl

# Tests for all of it together, with a real IRC server and real services: a
# browser at its own address, in through nginx, WEBIRC and SASL, over TLS that
# is verified. Then without SASL, and while the services are away.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Anope;
use EIRC::Chat;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::TLS;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http http_ssl unix realip rewrite/)
    ->has_daemon('inspircd')->has_daemon('anope')->plan(45);
my $dir = $t->testdir();
my $client = irc_client();
my ($near, $tls) = (port(8090), port(8091));

EIRC::TLS->certificates($dir);

$t->write_file('webirc', "s3same\n");

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

    eirc_irc_tls_ca   %%TESTDIR%%/ca.pem;
    eirc_webirc       file:webirc gateway=eirc.example.org;
    eirc_irc_password "open sesame";

    set_real_ip_from 127.0.0.1;

    ssl_certificate     %%TESTDIR%%/good.pem;
    ssl_certificate_key %%TESTDIR%%/good.key;

    server {
        listen       127.0.0.1:8080;
        listen       127.0.0.1:8443 ssl;
        server_name  localhost;

        location /chat {
            eirc_pass ircs://localhost:$tls;
        }

        location /required {
            eirc_pass ircs://localhost:$tls;
            eirc_sasl required PLAIN;
        }

        location /gateway {
            eirc_webirc off;
            eirc_pass   ircs://localhost:$tls;
            eirc_sasl   required EXTERNAL;

            eirc_irc_tls_certificate client-both.pem;
        }

        location /enroll {
            eirc_webirc off;
            eirc_pass   ircs://localhost:$tls;

            eirc_irc_tls_certificate client-both.pem;
        }

        location /other {
            eirc_webirc wrong;
            eirc_pass   ircs://localhost:$tls;
        }

        location /password {
            eirc_irc_password wrong;
            eirc_pass         ircs://localhost:$tls;
        }

        location /identify {
            eirc_pass irc://127.0.0.1:8092;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $anope = EIRC::Anope->new($t);
my $gate = '<module name="cgiirc">' . "\n"
    . '<cgihost type="webirc" mask="127.0.0.1" password="s3same">';

# Who comes by TLS needs the password, which those don't who are there for the
# test. WEBIRC tells the port that the browser came to, and that is it then.

my $ports = join ',', $tls, port(8080), port(8443);
my $ircd = EIRC::InspIRCd->new($t, flood => 0,
    connect => "port=\"$ports\" password=\"open sesame\"",
    config => $anope->config() . <<EOC)->start();
$gate
<module name="ssl_gnutls">
<module name="sslinfo">
<sslprofile name="clients" provider="gnutls" certfile="$dir/good.pem"
    keyfile="$dir/good.key" cafile="" crlfile="" hash="sha256">
<bind address="127.0.0.1" port="$tls" type="clients" sslprofile="clients">
<connect name="near" allow="*" port="$near" hardsendq="1M" softsendq="16K" recvq="16K"
    threshold="1000000" fakelag="off" localmax="100" globalmax="100"
    resolvehostnames="no" useident="no">
<class name="all" commands="*" privs="*" usermodes="*" chanmodes="*">
<type name="boss" classes="all">
<oper name="boss" password="boss" host="*\@*" type="boss">
EOC

$anope->start();
$anope->register($ircd->port(), $_, 'sesame') for qw/ alice bob dave /;
$t->run();

# in by all there is

my $alice = chat('/chat', { headers => [ 'X-Real-IP: 198.51.100.7' ] },
    nick => 'alice', sasl_secret => 'sesame', channels => ['room']);
ok($alice->expect(qr/^:\S+ 900 \S+ \S+ alice :/), 'SASL PLAIN');
ok($alice->expect(qr/^:\S+ 903 /), '... has succeeded');
ok($alice->expect(qr/ JOIN :?#room/), '... before anything else');
ok(logged($t, qr/logged in: "PLAIN"/), '... in the log');

$alice->send_text('WHOIS alice');
ok($alice->expect(qr/^:\S+ 378 alice alice :.*\@(198\.51\.100\.7) \1$/),
    'WHOIS: the address of the browser');
ok($alice->expect(qr/^:\S+ 330 alice alice alice :/), '... and the account');
$alice->expect(qr/^:\S+ 318 /);
is(scalar(grep { / 671 / } $alice->messages()), 0,
    '... which has no TLS, whatever the gateway has');

my $bob = chat('/required', { headers => [ 'X-Real-IP: 2001:db8::7' ],
    SSL => 1 }, nick => 'bob', sasl_secret => 'sesame');
ok($bob->expect(qr/ 376 /), 'a login that is required');
$bob->send_text('WHOIS bob');
ok($bob->expect(qr/^:\S+ 378 bob bob :.* 2001:db8::7$/), 'IPv6');
ok($bob->expect(qr/^:\S+ 671 bob bob :/), '... and TLS from end to end');

# a ban on the address

my $boss = EIRC::Client->new($ircd->port(), 'boss');
$near = chat('/chat', { headers => [ 'X-Real-IP: 198.51.100.8' ] },
    nick => 'near');
$near->expect(qr/ 376 /);

$alice->send_text('PART #room');
$alice->expect(qr/^:alice!\S+ PART :?#room/);
$boss->join('#room');
$boss->send('MODE #room +b *!*@198.51.100.7');
ok($boss->expect(qr/ MODE #room \+b /), 'a ban from a channel');
$alice->send_text('JOIN #room');
ok($alice->expect(qr/^:\S+ 474 alice #room :/), '... finds its user');
$near->send_text('JOIN #room');
ok($near->expect(qr/^:near!\S+ JOIN :?#room/), '... and no neighbour');

$boss->send('OPER boss boss', 'ZLINE 198.51.100.7 1h :enough');
ok($alice->expect(qr/^ERROR :.*Z-?lined/i, 10), 'a ban from the server');
$near->send_text('PING :here');
ok($near->expect(qr/ PONG \S+ :?here/), '... and no neighbour');

my $again = chat('/chat', { headers => [ 'X-Real-IP: 198.51.100.7' ] },
    nick => 'alice', sasl_secret => 'sesame');
is(($again->wait_close(10))[0], 4500, '... who comes back is refused');
$_->disconnect() for $alice, $near;

# what isn't right

my $carol = chat('/chat', nick => 'carol', account => 'alice',
    sasl_secret => 'wrong');
ok($carol->expect(qr/ 376 /), 'a bad secret keeps nobody out');
is(join('|', grep { /^!/ } $carol->messages()),
    '! SASL error (904): authentication failed', '... told in words');

$carol = chat('/required', nick => 'carol', account => 'alice',
    sasl_secret => 'wrong');
is(($carol->wait_close(10))[0], 4500, '... unless a login is required');
is(join('|', grep { /^!/ } $carol->messages()),
    '! SASL error (904): authentication failed', '... told');

$carol = chat('/required', nick => 'carol');
is(($carol->wait_close(10))[0], 4500, 'a login that is required, no secret');
is(join('|', grep { /Login failed/ } $carol->messages()), ':client error '
    . ':Login failed: there is no secret to log in with.', '... told');

$carol = chat('/other', nick => 'carol');
is(($carol->wait_close(10))[0], 4500, 'a gateway that the server trusts not');
like(join('|', $carol->messages()), qr/:client error :.*this gateway/,
    '... told');

$carol = chat('/password', nick => 'carol');
is(($carol->wait_close(10))[0], 4500, 'a bad password of the server');
like(join('|', $carol->messages()), qr/:client error :.* for its password/,
    '... told');

# the gateway's own certificate

my $gateway = chat('/enroll', nick => 'gateway');
$gateway->expect(qr/ 376 /);
$gateway->send_text('PRIVMSG NickServ :REGISTER sesame g@example.org');
$gateway->expect(qr/^:NickServ!\S+ NOTICE \S+ :.*registered/i);
$gateway->send_text('PRIVMSG NickServ :CERT ADD');
ok($gateway->expect(qr/^:NickServ!\S+ NOTICE \S+ :.*added/i),
    'a certificate that is shown to the server');
$gateway->disconnect();

my $fay = chat('/gateway', nick => 'fay');
ok($fay->expect(qr/^:\S+ 900 \S+ \S+ gateway :/), 'EXTERNAL: the gateway');
ok($fay->expect(qr/ 376 /), '... is in');
ok(logged($t, qr/logged in: "EXTERNAL"/), '... in the log');
$fay->disconnect();

# the services go, and the server with them; a login is still required

$ircd->kill();
$anope->stop();
ok($bob->expect(qr/connection to the IRC server was lost/, 10), 'all is gone');
$ircd->start();
ok($bob->expect(qr/Login failed: the IRC server offers no login/, 30),
    'the server without services');
ok($bob->expect(qr/connection .* was lost. Next try/), '... is no server');
is($bob->closed(), 0, '... but for now');
$anope->start();
ok($bob->expect(qr/^:\S+ 900 \S+ \S+ bob :/, 30), 'logged in again');
ok($bob->expect(qr/ 376 /), '... and back');
$bob->disconnect();
$ircd->kill();
$anope->stop();

# no SASL

$anope = EIRC::Anope->new($t, sasl => 0, port => 8096);
$ircd = EIRC::InspIRCd->new($t, flood => 0, port => 8092, name => 'second',
    connect => 'password="open sesame"',
    config => $anope->config() . $gate)->start();
$anope->start();

my $dave = chat('/identify', nick => 'dave', channels => ['room']);
$dave->expect(qr/ 376 /);
$dave->send_text('PRIVMSG NickServ :REGISTER sesame dave@example.org');
ok($dave->expect(qr/^:NickServ!\S+ NOTICE dave :.*registered/i),
    'a nick is registered');
$dave->send_text('/quit');
$dave->wait_close(10);

$dave = chat('/identify', nick => 'dave', sasl_secret => 'sesame');
ok($dave->expect(qr/^:\S+ 900 dave \S+ dave :/), 'NickServ: IDENTIFY');
my $erin = chat('/identify', nick => 'erin', account => 'dave',
    sasl_secret => 'sesame');
ok($erin->expect(qr/^:\S+ 900 erin \S+ dave :/), '... with an account');
is(scalar(grep { /sesame/ } $dave->messages(), $erin->messages()), 0,
    '... nothing of it is shown');

$erin->send_text('/quit');
$dave->send_text('/quit');
$_->wait_close(10) for $dave, $erin;

$dave = chat('/identify', nick => 'dave', sasl_secret => 'wrong');
ok($dave->expect(qr/^:NickServ!\S+ NOTICE dave :Password incorrect/),
    'a bad one');
ok($dave->expect(qr/^:dave!\S+ NICK :?Guest/, 15),
    '... and the nick is taken away');
ok(wait_until(10, sub { grep { title($_) =~ /: Guest/ } processes($dir) }),
    '... which is known');

unlike($t->read_file('eirc.log'), qr/s3same|sesame/, 'no secret in the log');

$dave->disconnect();
$t->stop();
$_->stop() for $ircd, $anope;

is(wait_for(0, 15, $dir), 0, 'no process left behind');


sub logged {
    my ($t, $re) = @_;
    return wait_until(5, sub { $t->read_file('eirc.log') =~ $re });
}
