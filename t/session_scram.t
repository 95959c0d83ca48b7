#!/usr/bin/perl

# Tests for SASL through the module of a real IRC server, with services that
# know SCRAM-SHA-256, and prove that they do; with some that don't; and with
# messages in pieces of every length.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::Services;
use EIRC::WebSocket;

use MIME::Base64;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(37);
my $dir = $t->testdir();
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
    eirc_limit    0;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /required {
            eirc_sasl required SCRAM-SHA-256;
            eirc_pass irc://127.0.0.1:8090;
        }

        location /plain {
            eirc_sasl required PLAIN;
            eirc_pass irc://127.0.0.1:8090;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

# what is answered to a first message in so many bytes of base64: "r=", the
# nonce of 32 bytes, ",s=", the salt, ",i=4096"

my $rest = length('r=' . 'x' x 32 . ',s='
    . encode_base64('salt of some bytes', '') . ',i=4096');

sub nonce_for { return $_[0] * 3 / 4 - $rest }

my %account = (
    alice => { password => 'sesame' },
    'a=b' => { password => "s\xc3\xa9same, =" },
    many => { password => 'sesame', iterations => 10000 },
    few => { password => 'sesame', iterations => 4095 },
    endless => { password => 'sesame', iterations => 1000001 },
    foreign => { password => 'sesame', foreign => 1 },
    stranger => { password => 'another', stranger => 1 },
    (map { ("of$_" => { password => 'sesame', nonce => nonce_for($_) }) }
        396, 400, 404, 800, 1200),
    map { ("plain$_" => { password => 'x' x $_ }) } 286, 287, 288, 588, 1023,
);

my $services = EIRC::Services->new($t, accounts => \%account);
my $ircd = EIRC::InspIRCd->new($t, flood => 0,
    config => $services->config())->start();

$t->run_daemon($services->code());
$services->wait();
$t->run();

# both sides know the secret

my $alice = login('/chat', 'alice', 'sesame');
ok($alice->expect(qr/^:\S+ 900 \S+ \S+ alice :/), 'SCRAM-SHA-256');
ok($alice->expect(qr/^:\S+ 903 /), '... has succeeded');
ok($alice->expect(qr/ 376 /), '... in');
$alice->send_text('WHOIS alice');
ok($alice->expect(qr/^:\S+ 330 alice alice alice :/), 'the account');
ok($services->wait_for(qr/ SASL \S+ \S+ S SCRAM-SHA-256$/, 1),
    'the stronger of two was chosen');
is(scalar(grep { /sesame|c2VzYW1l|zZXNhbWU|NZXNhbW/ } $services->lines()), 0,
    '... and no secret crossed');

ok(login('/required', 'bob', "s\xc3\xa9same, =", 'a=b')
    ->expect(qr/^:\S+ 900 \S+ \S+ a=b :/), 'odd names and secrets');
ok(login('/required', 'many', 'sesame')->expect(qr/ 903 /),
    '10,000 iterations');

# pieces, in both directions

for my $n (396, 400, 404, 800, 1200) {
    ok(login('/required', "of$n", 'sesame')->expect(qr/ 903 /),
        "a challenge of $n bytes");
}

for my $n (286, 287, 288, 588, 1023) {
    ok(login('/plain', "plain$n", 'x' x $n)->expect(qr/ 903 /),
        "PLAIN with a secret of $n bytes");
}

# one of them doesn't

my $carol = login('/chat', 'carol', 'wrong', 'alice');
ok($carol->expect(qr/ 376 /), 'a bad secret');
is(join('|', grep { /^!/ } $carol->messages()),
    '! SASL error (904): authentication failed', '... told');

$carol = login('/required', 'carol', 'wrong', 'alice');
is(($carol->wait_close(10))[0], 4500, '... where a login is required');

for my $case (
    [ 'stranger', 'the server does not know the secret itself' ],
    [ 'foreign', "the server's challenge is none for this login" ],
    [ 'few', "the server's number of iterations is out of bounds" ],
    [ 'endless', "the server's number of iterations is out of bounds" ])
{
    my ($account, $why) = @$case;
    my $aborts = aborts();
    my $user = login('/required', $account, 'sesame');

    is(($user->wait_close(10))[0], 4500, "services that are wrong: $account");
    is(join('|', grep { /Login failed/ } $user->messages()),
        ":client error :Login failed: $why.", '... told');
    ok(wait_until(5, sub { aborts() > $aborts }), '... and told to stop');
}

my $dave = login('/chat', 'dave', 'sesame', 'stranger');
ok($dave->expect(qr/ 376 /), '... a user who may go on without');
is(scalar(grep { / 900 / } $dave->messages()), 0, '... does so');

unlike($t->read_file('eirc.log'), qr/sesame|another/, 'no secret in the log');

$_->disconnect() for $alice, $carol, $dave;
$t->stop();
$ircd->stop();

is(wait_for(0, 15, $dir), 0, 'no process left behind');


# how often the server was told that somebody has given up

sub aborts {
    return scalar grep { /^:\S+ ENCAP \S+ SASL \S+ \S+ C \*$/ }
        $services->lines();
}


sub login {
    my ($path, $nick, $secret, $account) = @_;

    return EIRC::WebSocket->connect(port(8080), "$path?chat_token="
        . token(nick => $nick, sasl_secret => $secret,
            $account ? (account => $account) : ()));
}
