#!/usr/bin/perl

# Tests for WebSockets over TLS (wss), and for a handshake over HTTP/2.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::WebSocket;

use IO::Select;
use IO::Socket::INET;
use POSIX qw/ _exit /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http http_ssl http_v2 socket_ssl/)
    ->has_daemon('openssl')->plan(14);

# the parameter of "listen" is older than the directive, which replaced it

my ($parameter, $directive) = $t->has_version('1.25.1') ? ('', 'http2 on;')
    : ('http2', '');

$t->write_file_expand('nginx.conf', <<"EOC");

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format  code  '\$uri \$scheme \$eirc_close_code';
    access_log  %%TESTDIR%%/code.log code;

    ssl_certificate_key localhost.key;
    ssl_certificate localhost.crt;

    server {
        listen       127.0.0.1:8443 ssl sndbuf=32k;
        listen       127.0.0.1:8080 $parameter;
        $directive
        server_name  localhost;

        location / {
            eirc_echo on;
            eirc_max_message_size 16m;
        }
    }
}

EOC

my $d = $t->testdir();

# a root, an authority below it, and the certificate of the server

$t->write_file('openssl.conf', <<EOC);
[ req ]
default_bits = 2048
encrypt_key = no
distinguished_name = req_distinguished_name
[ req_distinguished_name ]
[ ca ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[ server ]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost
EOC

certificate('root', 'ca');
certificate('middle', 'ca', 'root');
certificate('leaf', 'server', 'middle');
certificate('other', 'ca');

$t->write_file('localhost.crt',
    $t->read_file('leaf.crt') . $t->read_file('middle.crt'));
$t->write_file('localhost.key', $t->read_file('leaf.key'));

$t->run();

my $port = port(8443);
my ($ws, $text);

$ws = EIRC::WebSocket->connect($port, '/', SSL => 1, timeout => 10,
    SSL_ca_file => "$d/root.crt");
ok($ws && $ws->ok(), 'handshake, by a chain of certificates');

is(EIRC::WebSocket->connect($port, '/', SSL => 1,
    SSL_ca_file => "$d/other.crt"), undef, 'not by another root');
is(EIRC::WebSocket->connect($port, '/', SSL => 1,
    SSL_ca_file => "$d/root.crt", SSL_verifycn_name => 'example.com'), undef,
    'not for another name');

$ws->send_text('hello');
is($ws->read_message()->{payload}, 'hello', 'message');

for my $size (16383, 16384, 16385, 65536, 300000) {
    $text = join('', map { chr(32 + $_ % 95) } 1 .. $size);
    $ws->send_text($text);
    is($ws->read_message()->{payload}, $text, "$size bytes");
}

# output that has to wait, and pings on the way

$text = 'y' x 8000000;
$ws->send_raw($ws->frame(payload => $text)
    . $ws->frame(opcode => 9, payload => 'p') . $ws->frame(payload => 'z'));
is($ws->read_message()->{payload}, $text, 'large message');
is($ws->read_message()->{payload}, 'z', 'message behind it');

$ws->close(1000);
is(($ws->wait_close())[0], 1000, 'closed');

# one that stays open

$ws = EIRC::WebSocket->connect($port, '/left', SSL => 1);
$ws->send_text('x');
$ws->read_message();

# HTTP/2 with prior knowledge: preface, SETTINGS, HEADERS of a GET with an
# Upgrade-less handshake, indexed where the static table has it

my $s = http_start_h2();
my $answer = '';

while (IO::Select->new($s)->can_read(5) && sysread($s, my $more, 65536)) {
    $answer .= $more;
    last if $answer =~ /\x8c|\x48\x82|\x48\x03400/;
}

like($answer, qr/\x8c/, 'HTTP/2 gets 400');

# the goodbye goes through TLS as well

my $pid = fork();

die "Can't fork: $!\n" if !defined $pid;

if ($pid == 0) {
    my $code = ($ws->wait_close(10))[0];
    $t->write_file('goodbye', $code);
    POSIX::_exit(0);
}

close $s;
$ws->socket()->close(SSL_no_shutdown => 1);
$t->stop();
waitpid($pid, 0);

is($t->read_file('goodbye'), 1012, 'goodbye over TLS');


sub http_start_h2 {
    my $h = IO::Socket::INET->new(Proto => 'tcp',
        PeerAddr => '127.0.0.1:' . port(8080)) or die "Can't connect: $!\n";

    my $headers = "\x82\x86\x84\x41\x09localhost";

    syswrite $h, "PRI * HTTP/2.0\x0d\x0a\x0d\x0aSM\x0d\x0a\x0d\x0a"
        . "\0\0\0\4\0\0\0\0\0"
        . substr(pack('N', length $headers), 1) . "\1\5\0\0\0\1" . $headers;

    return $h;
}


sub certificate {
    my ($name, $kind, $by) = @_;
    my $subject = $name eq 'leaf' ? 'localhost' : $name;
    my $sign = $by ? "-CA $d/$by.crt -CAkey $d/$by.key" : '';

    system('openssl req -x509 -new -days 2 '
        . "-config $d/openssl.conf -extensions $kind -subj /CN=$subject/ "
        . "-out $d/$name.crt -keyout $d/$name.key $sign "
        . ">>$d/openssl.out 2>&1") == 0
        or die "Can't create certificate: $!\n";
}
