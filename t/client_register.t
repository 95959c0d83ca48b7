#!/usr/bin/perl

# Tests for how irc-client standing alone registers, byte by byte, with a
# server that the test itself plays: what other IRC clients are tested for, too.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Alone;
use EIRC::Processes;
use EIRC::TLS;

use Digest::SHA qw/ hmac_sha256 sha256 /;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use MIME::Base64;
use Time::HiRes qw/ time /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(77);
my $dir = $t->testdir();
my $port = port(8081);
my $listen = IO::Socket::INET->new(Listen => 5, ReuseAddr => 1,
    LocalAddr => "127.0.0.1:$port") or die "listen(): $!\n";
my $certs = EIRC::TLS->certificates($dir);
my $count = 0;

# a client that is gone is no end of the test

$SIG{PIPE} = 'IGNORE';

# capabilities

my $irc = client($t);
is(line($irc), 'CAP LS 302', 'the first line');
is(line($irc), 'NICK jilles', 'then the nick');
is(line($irc), 'USER jilles 0 * :jilles', '... and the user');
say_($irc, 'CAP * LS :');
is(line($irc), 'CAP END', 'a server without capabilities');
say_($irc, ':s 001 jilles :Welcome', ':s 376 jilles :End', 'PING :here');
is(line($irc), 'PONG :here', '... nothing else is said');

$irc = client($t);
listed($irc, 'CAP * LS :sasl sts=duration=10 echo-message');
is(line($irc), 'CAP END', 'nothing is wanted without a secret');

# PLAIN

for my $how (
    [ 'without a source', '', '' ],
    [ 'with a source', ':irc.example.org ', '' ],
    [ 'with a colon', '', ':' ])
{
    my ($title, $source, $colon) = @$how;

    $irc = client($t, 'sesame', '--sasl=PLAIN');
    listed($irc, "${source}CAP * LS :sasl");
    is(line($irc), 'CAP REQ :sasl', "PLAIN, lines $title");
    say_($irc, "${source}CAP jilles ACK :sasl");
    is(line($irc), 'AUTHENTICATE PLAIN', '... the mechanism');
    say_($irc, "${source}AUTHENTICATE $colon+");
    is(line($irc), 'AUTHENTICATE amlsbGVzAGppbGxlcwBzZXNhbWU=',
        '... the secret');
    say_($irc, "${source}900 * * jilles :You are now logged in.",
        "${source}903 * :SASL authentication successful");
    is(line($irc), 'CAP END', '... the end');
}

# another mechanism than the one there is: it is asked for all the same

$irc = client($t, 'sesame', '--sasl=PLAIN');
listed($irc, 'CAP * LS :sasl=EXTERNAL');
is(line($irc), 'CAP REQ :sasl', 'a mechanism that the server has not');
say_($irc, 'CAP * ACK :sasl');
is(line($irc), 'QUIT', '... and without it nothing goes on');

$irc = client($t, 'sesame');
listed($irc, 'CAP * LS :sasl=EXTERNAL');
is(line($irc), 'CAP REQ :sasl', '... which need not be');
say_($irc, 'CAP * ACK :sasl');
is(line($irc), 'CAP END', '... so it does');

# long secrets, in pieces

for my $secret ('barbaz' x 100, "\xc3\xa9\xc3\xa8\xc3\xa0" x 100,
    'quux' x 148, "\xc3\xa9\xc3\xa8" x 148)
{
    my $b64 = encode_base64("foo\0foo\0$secret", '');
    my @pieces = (unpack('(a400)*', $b64), length($b64) % 400 ? () : '+');

    $irc = client($t, $secret, '--sasl=PLAIN', '--account=foo');
    listed($irc, 'CAP * LS :sasl');
    line($irc);
    say_($irc, 'CAP * ACK :sasl');
    is(line($irc), 'AUTHENTICATE PLAIN', length($secret) . ' bytes');
    say_($irc, 'AUTHENTICATE +');
    is(line($irc), "AUTHENTICATE $_", '... a piece of ' . length) for @pieces;
    say_($irc, '900 * * foo :You are now logged in.',
        '903 * :SASL authentication successful');
    is(line($irc), 'CAP END', '... the end');
}

# SCRAM-SHA-256

my ($said, $first) = scram($t, 'sesame');
is(proof($said, $first, 'sesame'), 1, 'SCRAM-SHA-256: a proof');
challenge('v=' . encode_base64(signature($said, $first, 'sesame'), ''));
is(line($irc), 'AUTHENTICATE +', '... the server has one, too');
say_($irc, '900 * * jilles :You are now logged in.', '903 * :Yes');
is(line($irc), 'CAP END', '... the end');

($said, $first) = scram($t, 'sesame');
is(proof($said, $first, 'notsesame'), 0, 'SCRAM-SHA-256: a bad secret');
say_($irc, '904 jilles :SASL authentication failed');
is(line($irc), 'QUIT', '... the end');

($said, $first) = scram($t, 'sesame');
challenge('v=' . encode_base64(signature($said, $first, 'notsesame'), ''));
is(line($irc), 'AUTHENTICATE *', 'SCRAM-SHA-256: an impostor is left alone');
is(line($irc), 'QUIT', '... the end');

($said, $first) = scram($t, 'sesame');
challenge('e=other-error');
is(line($irc), 'AUTHENTICATE *', '... and one that finds excuses');

($said, $first) = scram($t, 'sesame');
say_($irc, '900 * * jilles :You are now logged in.', '903 * :Yes');
is(line($irc), 'AUTHENTICATE *', '... and one that has enough already');

($said) = scram($t, 'sesame', nonce => 'n' x 50);
is($said, '*', '... and one with a nonce of its own');
($said) = scram($t, 'sesame', iterations => 4095);
is($said, '*', 'too few iterations');
($said) = scram($t, 'sesame', iterations => 1000001);
is($said, '*', 'too many');

# ECDSA-NIST256P-CHALLENGE

my $mechanism = 'ECDSA-NIST256P-CHALLENGE';

system "openssl ecparam -name prime256v1 -genkey -out $dir/key 2>/dev/null";
system "openssl ec -in $dir/key -pubout -out $dir/pub 2>/dev/null";

$irc = client($t, undef, "--sasl=$mechanism", "--sasl-file=$dir/key");
listed($irc, 'CAP * LS :sasl');
line($irc);
say_($irc, 'CAP * ACK :sasl');
is(line($irc), "AUTHENTICATE $mechanism", 'ECDSA');
say_($irc, 'AUTHENTICATE +');
is(line($irc), 'AUTHENTICATE amlsbGVz', '... the name');
my $bytes = pack 'C*', 0 .. 31;
say_($irc, 'AUTHENTICATE ' . encode_base64($bytes, ''));
$t->write_file('challenge', $bytes);
$t->write_file('signature', decode_base64((split ' ', line($irc))[1]));
like(`openssl pkeyutl -verify -pubin -inkey $dir/pub -in $dir/challenge \\
    -sigfile $dir/signature 2>&1`, qr/Verified Successfully/,
    '... the signature');
say_($irc, '903 * :Yes');
is(line($irc), 'CAP END', '... the end');

$irc = client($t, undef, "--sasl=$mechanism", "--sasl-file=$dir/key");
listed($irc, 'CAP * LS :sasl');
line($irc);
say_($irc, 'CAP * ACK :sasl', 'AUTHENTICATE +', 'AUTHENTICATE Zm9vYmFy');
is(join('|', map { line($irc) } 1 .. 4), "AUTHENTICATE $mechanism|"
    . 'AUTHENTICATE amlsbGVz|AUTHENTICATE *|QUIT',
    '... of what is no challenge');

# certificates: one with the right fingerprint whatever else is wrong with it,
# and no other one, which is let down behind the handshake

$irc = client($t, undef, '--tls', '--server=127.0.0.1',
    '--tls-fingerprint=' . uc($certs->fingerprint('expired') =~ tr/://dr));
is(line(secure($irc, 'expired')), 'CAP LS 302', 'a fingerprint is trusted');

$irc = client($t, undef, '--tls', '--server=127.0.0.1',
    '--tls-fingerprint=' . uc($certs->fingerprint('expired') =~ tr/://dr));
$irc = secure($irc, 'good');
ok($irc->{socket}, 'another one: the handshake');
is(line($irc), undef, '... and not a word');

# the password of the server

secret($t, 'password', 'open sesame');
$irc = client($t, 'sesame', "--password-file=$dir/password");
is(line($irc), 'CAP LS 302', 'CAP before PASS');
say_($irc, 'CAP * LS :');
is(join('|', map { line($irc) } 1 .. 4), 'PASS :open sesame|NICK jilles|'
    . 'USER jilles 0 * :jilles|CAP END', '... and on');

$irc = client($t, undef, "--password-file=$dir/password");
line($irc);
say_($irc, 'CAP * LS :');
line($irc) for 1 .. 4;
say_($irc, ':s 464 jilles :Password incorrect',
    'ERROR :Closing link: [Password incorrect]');
close $irc->{socket};
is(join('|', @{ $irc->{client}->rest() || [] }),
    ':s 464 jilles :Password incorrect|'
    . ':client error :The IRC server does not take the password.|'
    . 'ERROR :Closing link: [Password incorrect]|'
    . ':client error :The IRC server does not take this user.|Disconnected.',
    'a bad one is told');
unlike($irc->{client}->log(), qr/open sesame/, '... and not logged');
like($irc->{client}->log(), qr/\[error\].*refused the password \(464\)$/m,
    '... but that is');

# command line

secret($t, 'bad', 'no key');
secret($t, 'long', 'x' x 256);

for my $case (
    [ "--password-file=$dir/none", qr/No such file/ ],
    [ "--password-file=$dir/long", qr/no secret in/ ],
    [ "--sasl=$mechanism --sasl-file=$dir/bad", qr/no key of NIST P-256/ ],
    [ "--sasl=$mechanism", qr/--sasl-file=FILE is needed/ ],
    [ "--sasl=PLAIN,$mechanism --sasl-file=$dir/key", qr/this stands alone/ ])
{
    my ($args, $re) = @$case;
    my $c = EIRC::Alone->start($t, connect => 0, args => [ '--nick=a',
        '--server=127.0.0.1', "--port=$port", "--listen=$dir", "--log=$dir",
        '--instance=x', split ' ', $args ]);

    is($c->wait_for_exit(), 1, $args =~ s/\Q$dir\/\E//r);
    like($c->errors(), $re, '... in words');
}


# a client, and the server's end of its connection

sub client {
    my ($t, $secret, @args) = @_;

    if (defined $secret) {
        secret($t, 'secret', $secret);
        push @args, "--sasl-file=$dir/secret";
    }

    my $client = EIRC::Alone->start($t, instance => 'register' . ++$count,
        args => [ '--nick=jilles', '--server=127.0.0.1', "--port=$port",
            "--listen=$dir", "--log=$dir", "--instance=register$count",
            @args ]);

    IO::Select->new($listen)->can_read(5) or die "Nobody comes\n";

    return { client => $client, socket => scalar $listen->accept(), in => '' };
}


sub secret {
    my ($t, $name, $secret) = @_;

    $t->write_file($name, "$secret\n");
    chmod 0600, "$dir/$name";

    return;
}


sub secure {
    my ($conn, $name) = @_;

    $conn->{socket} = IO::Socket::SSL->start_SSL($conn->{socket},
        SSL_server => 1, SSL_cert_file => "$dir/$name.pem",
        SSL_key_file => "$dir/$name.key");

    return $conn;
}


# its next line, which ends with CR LF

sub line {
    my ($conn) = @_;
    my $end = time() + 5;

    for ( ;; ) {
        return $1 if $conn->{in} =~ s/^([^\r\n]*)\r\n//;

        my $pending = $conn->{socket}->can('pending')
            && $conn->{socket}->pending();

        return undef if !$pending && !IO::Select->new($conn->{socket})
            ->can_read($end - time());
        return undef if !sysread $conn->{socket}, $conn->{in}, 4096,
            length $conn->{in};
    }
}


sub say_ {
    my ($conn, @lines) = @_;

    syswrite $conn->{socket}, join '', map { "$_\r\n" } @lines;

    return;
}


# behind NICK and USER

sub listed {
    my ($conn, @lines) = @_;

    line($conn) for 1 .. 3;

    return say_($conn, @lines);
}


# SCRAM as far as the client's proof: what it said first, and the challenge

sub scram {
    my ($t, $secret, %how) = @_;

    $irc = client($t, $secret, '--sasl=SCRAM-SHA-256');
    listed($irc, 'CAP * LS :sasl');
    line($irc);
    say_($irc, 'CAP * ACK :sasl');
    line($irc);
    say_($irc, 'AUTHENTICATE +');

    my ($bare, $nonce) = decode_base64((split ' ', line($irc))[1])
        =~ /^n,,(n=jilles,r=(.*))$/;
    my $first = 'r=' . ($how{nonce} || "$nonce.more") . ',s='
        . encode_base64('salt', '') . ',i=' . ($how{iterations} || 4096);

    challenge($first);

    my $said = (split ' ', line($irc))[1];

    return ($said) if $said eq '*';
    return (decode_base64($said), "$bare,$first");
}


sub challenge {
    my ($text) = @_;
    return say_($irc, 'AUTHENTICATE :' . encode_base64($text, ''));
}


sub keys_of {
    my ($secret) = @_;
    my $salted = my $u = hmac_sha256("salt\0\0\0\1", $secret);

    for (2 .. 4096) {
        $u = hmac_sha256($u, $secret);
        $salted ^= $u;
    }

    return (hmac_sha256('Client Key', $salted),
        hmac_sha256('Server Key', $salted));
}


sub proof {
    my ($said, $first, $secret) = @_;
    my ($without, $proof) = $said =~ /^(.*),p=(.*)$/;
    my ($key) = keys_of($secret);

    return decode_base64($proof) eq ($key ^ hmac_sha256("$first,$without",
        sha256($key))) ? 1 : 0;
}


sub signature {
    my ($said, $first, $secret) = @_;
    my ($without) = $said =~ /^(.*),p=/;

    return hmac_sha256("$first,$without", (keys_of($secret))[1]);
}
