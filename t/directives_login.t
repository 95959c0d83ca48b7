#!/usr/bin/perl

# Tests for the directives that let users in: passwords in place and in files,
# and mistakes, which are found by the configuration test. What it says has the
# way out in it, and no password.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::TLS;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http rewrite/);
my $dir = $t->testdir();
my $pass = 'eirc_pass irc://127.0.0.1;';
my $long = 's3same' . 'x' x 249;

EIRC::TLS->certificates($dir);
my $cert = "eirc_irc_tls_certificate $dir/client-both.pem;";

$t->write_file('good', "s3same\n");
$t->write_file('dos', "s3same\r\nmore\n");
$t->write_file('bare', 's3same');
$t->write_file('full', $long);
$t->write_file('empty', "\ns3same\n");
$t->write_file('spaces', "s3same with spaces\n");
$t->write_file('bytes', "s3same\xff\n");
$t->write_file('control', "s3same\x01\n");
$t->write_file('over', "${long}x\n");

# text for server {}, for location {}

my @right = (
    ['eirc_webirc s3same;', $pass],
    ['eirc_webirc s3same gateway=chat.example.org;', "eirc_webirc off; $pass"],
    ["eirc_webirc $long gateway=" . 'g' x 63 . ';', $pass],
    ['eirc_webirc file:good;', "eirc_webirc file:$dir/bare; $pass"],
    ['eirc_webirc file:dos gateway=g;', $pass],
    ['eirc_webirc file:full;', $pass],
    ['eirc_irc_password s3same;', "eirc_irc_password off; $pass"],
    ['eirc_irc_password "s3same with spaces";', $pass],
    ['eirc_irc_password ":s3same\"\\\\";', $pass],
    ['eirc_irc_password file:spaces;', "eirc_irc_password file:good; $pass"],
    ['eirc_sasl off;', "eirc_sasl optional; $pass"],
    ['eirc_sasl required SCRAM-SHA-256;', "eirc_sasl optional PLAIN; $pass"],
    ["eirc_sasl required EXTERNAL PLAIN SCRAM-SHA-256; $cert",
        'eirc_pass ircs://localhost;'],
    ['eirc_sasl required EXTERNAL;', "eirc_sasl off; $pass"],

    # where there are no sessions nothing is needed for them

    ['eirc_sasl required EXTERNAL;', ''],
);

my @wrong = (
    ['eirc_webirc;', '', qr/number of arguments in "eirc_webirc"/],
    ['eirc_webirc s3same gateway=a b;', '', qr/number of arguments in "eirc/],
    ['eirc_webirc s3same; eirc_webirc off;', '', qr/"eirc_webirc".*duplicate/],
    ['eirc_webirc "s3same b";', '', qr/"eirc_webirc" has a space.*: choose/],
    ['eirc_webirc :s3same;', '', qr/a colon in front.*: choose another one/],
    ['eirc_webirc file:spaces;', '', qr/of "eirc_webirc" has a space/],
    ['eirc_webirc "";', '', qr/password of "eirc_webirc" is empty, write/],
    ["eirc_webirc ${long}x;", '', qr/"eirc_webirc" is longer than 255 bytes/],
    ['eirc_webirc s3same s3same;', '', qr/second parameter of .*, there/],
    ['eirc_webirc off gateway=x; eirc_webirc a;', '', qr/is duplicate/],
    ['eirc_webirc s3same gateway=;', '', qr/name in "gateway=" of "eirc_webi/],
    ['eirc_webirc s3same "gateway=a b";', '', qr/name in "gateway=a b" of/],
    ['eirc_webirc s3same gateway=:a;', '', qr/name in "gateway=:a" of "eirc/],
    ['eirc_webirc s3same gateway=' . 'g' x 64 . ';', '',
        qr/of "eirc_webirc", write one of at most 63 bytes without spaces/],
    ['eirc_webirc file:;', '', qr/no path in "file:" of "eirc_webirc", write/],
    ['eirc_webirc file:none;', '',
        qr!open\(\) "$dir/none" of "eirc_webirc" failed \(2: No such!],
    ["eirc_webirc file:$dir;", '', qr!read\(\) "$dir" of .* failed!],
    ['eirc_webirc file:empty;', '',
        qr!in "$dir/empty" of "eirc_webirc" is empty, write it into!],
    ['eirc_irc_password file:bytes;', '',
        qr!in "$dir/bytes" of "eirc_irc_password" is no line of text!],
    ['eirc_irc_password file:control;', '', qr/no line of text in UTF-8/],
    ['eirc_irc_password file:over;', '', qr/is longer than 255 bytes/],
    ["eirc_irc_password s3same\x02;", '', qr/"eirc_irc_password" is no line/],
    ['eirc_irc_password "";', '', qr/"eirc_irc_password" is empty/],
    ['eirc_irc_password s3same b;', '', qr/number of arguments in "eirc_irc_/],
    ['eirc_irc_password off; eirc_irc_password off;', '', qr/duplicate/],
    ['eirc_sasl;', '', qr/number of arguments in "eirc_sasl"/],
    ['eirc_sasl on;', '',
        qr/"on" in "eirc_sasl" has to be "required", "optional" or "off"/],
    ['eirc_sasl off PLAIN;', '', qr/"eirc_sasl off" has no "PLAIN", leave/],
    ['eirc_sasl required plain;', '', qr/"plain" in "eirc_sasl", there are/],
    ['eirc_sasl required ECDSA-NIST256P-CHALLENGE;', '', qr/unknown mechani/],
    ['eirc_sasl required PLAIN,EXTERNAL;', '', qr/mechanism "PLAIN,EXTERNAL"/],
    ['eirc_sasl off; eirc_sasl off;', '', qr/"eirc_sasl".*is duplicate/],
    ['eirc_sasl optional EXTERNAL;', 'eirc_pass ircs://localhost;',
        qr/"EXTERNAL" in "eirc_sasl" needs .* add "eirc_irc_tls_certificate"/],
    ["eirc_sasl optional EXTERNAL; $cert", $pass,
        qr/"EXTERNAL" in "eirc_sasl" needs .*, and a server with "ircs:/],
);

my $both = ["eirc_sasl required EXTERNAL; $cert eirc_webirc s3same;",
    'eirc_pass ircs://localhost;'];

$t->plan(@right + 2 * @wrong + 2);

for my $case (@right) {
    is(join('', grep { /\[emerg\]/ } split /^/, test($t, @$case)), '',
        title(@$case));
}

like(test($t, @$both), qr/\[warn\][^\n]*"eirc_webirc": "EXTERNAL" in/,
    'EXTERNAL with WEBIRC');
unlike(test($t, $both->[0] =~ s/EXTERNAL/PLAIN/r, $both->[1]),
    qr/\[warn\][^\n]*eirc_webirc/, 'PLAIN with WEBIRC');

for my $case (@wrong) {
    my ($server, $location, $re) = @$case;
    my $log = test($t, $server, $location);

    like($log, qr/\[emerg\][^\n]*$re/, title($server, $location));
    unlike($log, qr/s3same/, '... and no password in the words');
}


sub title {
    return substr join(' ', @_), 0, 70;
}


sub test {
    my ($t, $server, $location) = @_;

    $t->write_file_expand('nginx.conf', <<"EOC");

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        $server

        location /l {
            $location
        }
    }
}

EOC

    $t->write_file('error.log', '');
    $t->dump_config();

    return $t->read_file('error.log');
}
