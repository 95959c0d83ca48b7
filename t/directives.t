#!/usr/bin/perl

# Tests for the directives: a mistake is found by the configuration test, and
# the message names the directive, the value and the way out.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http proxy rewrite/);

my $long = '/' . 'x' x 110;
my $pass = 'eirc_pass irc://127.0.0.1;';

# what is right: text for http {}, for server {}, for location {}

my @right = (
    ['', '', 'eirc_pass irc://localhost;'],
    ['', '', 'eirc_pass irc://localhost:6668;'],
    ['', '', 'eirc_pass IRC://192.0.2.1:6667 irc://[2001:db8::1]:6667;'],
    ['', '', 'eirc_pass irc://[::1];'],
    ['', '', 'eirc_pass unix:/run/ircd.sock irc://b.example.org;'],
    ['', '', 'eirc_pass ' . join(' ', ('irc://a') x 16) . ';'],
    ['', '', 'eirc_pass ircs://localhost IRCS://[::1]:6697 irc://a;'],
    ['eirc_irc_tls_verify off;', 'eirc_irc_tls_verify on;',
        'eirc_pass ircs://a; eirc_irc_tls_fingerprint off;'],
    ['eirc_irc_tls_fingerprint ' . ('aB' x 32) . ';',
        'eirc_irc_tls_fingerprint ' . join(' ', ('ab' x 32) x 8) . ';',
        'eirc_irc_tls_fingerprint ' . join(':', ('Ab') x 32)
            . '; eirc_pass ircs://a;'],
    ['upstream a { server 192.0.2.1:6697; }', '', 'eirc_pass ircs://a;'],
    ['eirc_irc_tls_ca /nowhere;', '', 'eirc_pass unix:/a;'],
    ['upstream a { server 192.0.2.1:6667; }', '', 'eirc_pass irc://a;'],
    ['upstream a { server 192.0.2.1; server 192.0.2.2 backup; }', '',
        'eirc_pass irc://A irc://b;'],
    ['upstream a { server unix:/run/ircd.sock; }', '', 'eirc_pass irc://a;'],

    # an upstream is found where it stands behind its use

    ['', 'location /u { proxy_pass http://up; }', 'eirc_pass irc://up;',
        'upstream up { server 192.0.2.1:6667; server 192.0.2.2 down; }'],

    ['eirc_client /bin/true;', '', $pass],
    ['eirc_client /bin/true processes=64;', '', $pass],
    ['eirc_client unix:%%TESTDIR%%;', '', $pass],
    ['eirc_client irc-client;', '', $pass],
    ['eirc_client /bin/true state=%%TESTDIR%%/state;', '', $pass],
    ['eirc_client /bin/true state=%%TESTDIR%%/s processes=1;', '', $pass],
    ['eirc_run_path %%TESTDIR%%/run;', '', $pass],
    ['eirc_run_path %%TESTDIR%%/run;', '', ''],

    ['eirc_token $cookie_t;', 'eirc_token $arg_a$arg_b;', $pass],
    ['eirc_auth_request /_auth;', 'eirc_auth_request off;', $pass],
    ['', '', "$pass eirc_auth_request /_auth?a=\$eirc_token;"],
    ['', '', 'eirc_token_issue on;'],
    ['', '', 'eirc_token_issue any;'],
    ['', '', 'eirc_token_issue off;'],
    ['', '', 'eirc_echo on; eirc_token_issue off;'],
    ['', '', 'eirc_echo on; eirc_max_message_size 16m;'],
    ['eirc_max_message_size 1m;', '', ''],
    ['eirc_max_message_size 1m;', '', "$pass eirc_max_message_size 64k;"],
    ['', '', "$pass eirc_max_message_size 512;"],

    ['eirc_origin any;', 'eirc_origin a.example.org *.b.example.org;',
        'eirc_origin https://c.example.org:8443 ~^https://[a-z]+$;'],
    ['', '', 'eirc_origin [::1]:8080 localhost;'],

    ['eirc_ping 25s;', 'eirc_ping 1m timeout=500ms;', 'eirc_ping off;'],
    ['eirc_deflate on;', 'eirc_deflate off;', 'eirc_deflate context;'],
    ['eirc_deflate level=9 window=15 client_window=8 min_length=0;',
        'eirc_deflate min_length=1k;',
        'eirc_deflate context level=1 window=8 client_window=15;'],
    ['eirc_rate 5r/s;', 'eirc_rate 30r/m burst=1;', 'eirc_rate off;'],
    ['eirc_flood 2r/s;', 'eirc_flood 1r/m burst=20;', 'eirc_flood off;'],
    ['eirc_irc_charset koi8-r;', 'eirc_irc_charset CP1251 out=utf-8;',
        'eirc_irc_charset iso-8859-15 recode;'],
    ['', 'eirc_irc_charset windows-1252 out=latin1 recode;', ''],
    ['eirc_crash_limit 3 60s;', '', 'eirc_crash_limit 1 1d;'],
    ['eirc_linger 30s;', 'eirc_linger 0;', 'eirc_linger 1d;'],
    ['eirc_replay 64k;', 'eirc_replay 4k;', 'eirc_replay 16m;'],
    ['eirc_limit 3;', 'eirc_limit 0;', 'eirc_limit 100;'],

    ['log_format e "$eirc_token $eirc_session $eirc_nick $eirc_account '
        . '$eirc_close_code $eirc_lines_in $eirc_lines_out";', '', ''],
);

# what is wrong: the same, and what the message has to say

my @wrong = (

    # eirc_pass

    ['', '', 'eirc_pass;', qr/invalid number of arguments in "eirc_pass"/],
    ['', '', "$pass $pass", qr/"eirc_pass" directive is duplicate/],
    ['', $pass, '', qr/"eirc_pass" directive is not allowed here/],
    ['', '', 'eirc_pass localhost:6667;',
        qr!address "localhost:6667" in "eirc_pass", write "irc://HOST:PORT"!],
    ['', '', 'eirc_pass http://localhost;',
        qr!"http://localhost" in "eirc_pass", write "irc://HOST:PORT"!],
    ['', '', 'eirc_pass ircs:localhost;',
        qr!"ircs:localhost" in "eirc_pass", write "irc://HOST:PORT", "ircs:!],
    ['', '', 'eirc_pass ircs://unix:/run/irc;', qr!"unix:/run/irc" of "eirc!],
    ['', '', 'eirc_pass ircs://a; eirc_irc_tls_verify maybe;',
        qr!invalid value "maybe" in "eirc_irc_tls_verify" directive!],
    ['', '', 'eirc_pass ircs://a; eirc_irc_tls_ca /nowhere;',
        qr!open\(\) "/nowhere" of "eirc_irc_tls_ca" failed!],
    ['', '', 'eirc_pass ircs://a; eirc_irc_tls_ca /dev/null;',
        qr!"/dev/null" of "eirc_irc_tls_ca" cannot be used: \S!],
    ['', '', 'eirc_pass irc://a; eirc_irc_tls_ca /nowhere;',
        qr!open\(\) "/nowhere" of "eirc_irc_tls_ca" failed!],
    ['', '', 'eirc_pass ircs://a; eirc_irc_tls_certificate /nowhere;',
        qr!open\(\) "/nowhere" of "eirc_irc_tls_certificate" failed!],
    ['', '', 'eirc_pass ircs://a; eirc_irc_tls_certificate_key /dev/null;',
        qr!"eirc_irc_tls_certificate_key" is of no use without!],
    ['', '', 'eirc_pass ircs://a; eirc_irc_tls_fingerprint ab;',
        qr!fingerprint "ab" in "eirc_irc_tls_fingerprint", write the 64!],
    ['', '', 'eirc_pass ircs://a; eirc_irc_tls_fingerprint'
        . (' ' . 'ab' x 32) x 9 . ';', qr!more than 8 fingerprints!],
    ['', '', 'eirc_pass irc://;', qr!"" of "eirc_pass", write "irc://!],
    ['', '', 'eirc_pass irc://:6667;', qr!":6667" of "eirc_pass", write!],
    ['', '', 'eirc_pass irc://a:0;', qr!"a:0" of "eirc_pass", write "irc!],
    ['', '', 'eirc_pass irc://a:65536;', qr!port in "a:65536" of "eirc_pass!],
    ['', '', 'eirc_pass irc://a:x;', qr!port in "a:x" of "eirc_pass", write!],
    ['', '', 'eirc_pass irc://a/b;', qr!"a/b" of "eirc_pass", write "irc!],
    ['', '', 'eirc_pass irc://a@b;', qr!host in "a\@b" of "eirc_pass"!],
    ['', '', 'eirc_pass irc://[::1;', qr!"\[::1" of "eirc_pass", write!],
    ['', '', 'eirc_pass irc://$host;',
        qr!variables are not allowed in "eirc_pass", .* "irc://\$host" out!],
    ['', '', 'eirc_pass unix:ircd.sock;',
        qr!path in "unix:ircd.sock" of "eirc_pass" has to begin with "/"!],
    ['', '', "eirc_pass unix:$long;",
        qr!"unix:$long" of "eirc_pass" is longer than the 107 bytes!],
    ['', '', 'eirc_pass ' . join(' ', map { "irc://s$_" } 1 .. 17) . ';',
        qr!too many servers in "eirc_pass", "s17" is one more than 16!],
    ['upstream a { ' . join(' ', map { "server 192.0.2.$_;" } 1 .. 17) . ' }',
        '', 'eirc_pass irc://a;', qr!too many servers in "eirc_pass"!],
    ['upstream a { server 192.0.2.1 down; }', '', 'eirc_pass irc://a;',
        qr!"eirc_pass" has no server that is not "down"!],
    ['', '', "$pass eirc_max_message_size 65537;",
        qr!"eirc_max_message_size" is 65537 in .* from 512 to 65536!],
    ['eirc_max_message_size 1m;', '', $pass,
        qr!"eirc_max_message_size" is 1048576 in .* from 512 to 65536!],
    ['eirc_max_message_size 100;', '', $pass,
        qr!"eirc_max_message_size" is 100 in .* from 512 to 65536!],

    # one handler a location

    ['', '', "$pass eirc_echo on;",
        qr!"eirc_echo" in location "/l", which has a handler already!],
    ['', '', "eirc_echo on; $pass",
        qr!"eirc_pass" in location "/l", which has a handler already!],
    ['', '', 'eirc_echo on; eirc_token_issue on;',
        qr!"eirc_token_issue" in location "/l", which has a handler!],
    ['', '', "proxy_pass http://127.0.0.1; $pass",
        qr!"eirc_pass" in location "/l", which has a handler already!],

    ['', '', "$pass proxy_pass http://127.0.0.1;",
        qr!has taken location "/l" from "eirc_pass": give it a location!],
    ['', '', 'eirc_echo on; proxy_pass http://127.0.0.1;',
        qr!has taken location "/l" from "eirc_echo": give it a location!],

    # eirc_client, eirc_run_path

    ['', 'eirc_client /bin/true;', '', qr/"eirc_client" .* not allowed here/],
    ['eirc_client /a; eirc_client /b;', '', '', qr/"eirc_client".*duplicate/],
    ['eirc_client unix:;', '', '', qr!no path in "unix:" of "eirc_client"!],
    ['eirc_client /bin/true processes=0;', '', '',
        qr!"processes=0" of "eirc_client", it has to be from 1 to 64!],
    ['eirc_client /bin/true processes=65;', '', '', qr!"processes=65" of "ei!],
    ['eirc_client /bin/true processes=x;', '', '', qr!"processes=x" of "eir!],
    ['eirc_client /bin/true workers=2;', '', '',
        qr!"workers=2" of "eirc_client", there are "processes=N" and "st!],
    ['eirc_client /bin/true processes=1 processes=1;', '', '',
        qr!"eirc_client" .*has duplicate "processes"!],
    ['eirc_client /bin/true state=/a state=/b;', '', '',
        qr!"eirc_client" .*has duplicate "state"!],
    ['eirc_client /bin/true state=;', '', '', qr!no path in "state=" of "eir!],
    ['eirc_client unix:/a state=/b;', '', '',
        qr!"state=/b" of "eirc_client" is for .* give "--state" to those beh!],
    ["eirc_client unix:$long;", '', '',
        qr!path "$long" of "eirc_client" is too long: .* choose a shorter!],
    ["eirc_run_path $long;", '', $pass,
        qr!path "$long" of "eirc_run_path" is too long: .* a shorter one!],
    ['eirc_run_path %%TESTDIR%%/nginx.conf;', '', $pass,
        qr!path "\S+/nginx.conf" of "eirc_run_path" is no directory, choose!],
    ['eirc_client unix:%%TESTDIR%%/nginx.conf;', '', $pass,
        qr!path "\S+/nginx.conf" of "eirc_client" is no directory, choose !],
    ['eirc_client /bin/true state=%%TESTDIR%%/nginx.conf;', '', $pass,
        qr!path "\S+/nginx.conf" of "eirc_client" is no directory, choose !],

    # tokens

    ['', 'eirc_token a;', '',
        qr!"a" in "eirc_token" has no variable, .* "\$arg_chat_token"!],
    ['', 'eirc_token $arg_a; eirc_token $arg_b;', '', qr/"eirc_token".*dupl/],
    ['eirc_token_zone 1m;', '', '',
        qr!no name in zone "1m" of "eirc_token_zone", write "NAME:SIZE"!],
    ['eirc_token_zone :1m;', '', '', qr!no name in zone ":1m" of "eirc_tok!],
    ['eirc_token_zone z:x;', '', '', qr!size "x" of "eirc_token_zone", wri!],
    ['eirc_token_zone z:1k;', '', '',
        qr!zone "z:1k" of "eirc_token_zone" is too small, it needs \d+ bytes!],
    ['eirc_token_zone z:1m time=3m;', '', '',
        qr!parameter "time=3m" of "eirc_token_zone", there is "timeout="!],
    ['eirc_token_zone z:1m timeout=0;', '', '',
        qr!"timeout=0" of "eirc_token_zone", write a time above 0!],
    ['eirc_token_zone z:1m; eirc_token_zone y:1m;', '', '', qr/duplicate/],
    ['', 'eirc_auth_request auth;', '',
        qr!invalid URI "auth" in "eirc_auth_request", write .* or "off"!],
    ['', 'eirc_auth_request /a; eirc_auth_request /b;', '', qr/duplicate/],
    ['', '', 'eirc_token_issue yes;',
        qr!"yes" in "eirc_token_issue" has to be "on" .* or "off"!],
    ['', 'eirc_token_issue on;', '', qr/not allowed here/],
    ['', '', 'eirc_echo yes;', qr!invalid value "yes" in "eirc_echo"!],
    ['', 'eirc_echo on;', '', qr/"eirc_echo" directive is not allowed here/],

    # eirc_origin

    ['', 'eirc_origin ~[;', '', qr!"~\[" in "eirc_origin": pcre!],
    ['', 'eirc_origin ~;', '', qr!"eirc_origin", write "any"!],
    ['', 'eirc_origin a.*.org;', '', qr!"a.\*.org" in "eirc_origin", write!],
    ['', 'eirc_origin *;', '', qr!invalid value "\*" in "eirc_origin"!],
    ['', 'eirc_origin $host;', '', qr!value "\$host" in "eirc_origin"!],
    ['', 'eirc_origin https://a/;', '', qr!"https://a/" in "eirc_origin"!],
    ['', 'eirc_origin a:x;', '', qr!value "a:x" in "eirc_origin", write!],
    ['', 'eirc_origin "";', '', qr!value "" in "eirc_origin", write a name!],
    ['', 'eirc_origin a; eirc_origin b;', '', qr/"eirc_origin".*duplicate/],

    # numbers

    ['', 'eirc_ping 0;', '', qr!time "0" in "eirc_ping", .* or "off"!],
    ['', 'eirc_ping x;', '', qr!time "x" in "eirc_ping", write one as in!],
    ['', 'eirc_ping 2d;', '', qr!time "2d" in "eirc_ping", .* at most "1d"!],
    ['', 'eirc_ping 1s wait=1s;', '', qr!"wait=1s" of "eirc_ping", there is!],
    ['', 'eirc_ping 1s timeout=0;', '', qr!"timeout=0" of "eirc_ping"!],
    ['', 'eirc_ping 1s timeout=;', '', qr!"timeout=" of "eirc_ping"!],
    ['', 'eirc_ping off timeout=1s;', '', qr!"eirc_ping off" has no "timeou!],
    ['', 'eirc_ping 1s; eirc_ping off;', '', qr/"eirc_ping".*is duplicate/],

    (map { ['', "eirc_deflate $_->[0];", '', $_->[1]] }
        ['yes', qr/parameter "yes" of "eirc_deflate", there are "on", "off"/],
        ['on level=1', qr/"on" in "eirc_deflate" stands alone: leave it or/],
        ['context off', qr/"off" in "eirc_deflate" stands alone/],
        ['level=0', qr/"level=0" of "eirc_deflate", "level" .* from 1 to 9/],
        ['level=10', qr/"level=10" of "eirc_deflate"/],
        ['window=7', qr/"window=7" .* "window" has to be from 8 to 15/],
        ['window=', qr/"window=" of "eirc_deflate"/],
        ['client_window=16', qr/"client_window" has to be from 8 to 15/],
        ['min_length=x', qr/size in "min_length=x" .* as in "min_length=256"/],
        ['context; eirc_deflate on', qr/"eirc_deflate".*is duplicate/]),

    (map {
        my $d = $_;
        ['', "$d 5;", '', qr!invalid rate "5" in "$d", write .* "5r/s"!],
        ['', "$d 0r/s;", '', qr!invalid rate "0r/s" in "$d", write it as!],
        ['', "$d 1.5r/s;", '', qr!invalid rate "1.5r/s" in "$d", write it!],
        ['', "$d 5r/h;", '', qr!invalid rate "5r/h" in "$d", write it as!],
        ['', "$d r/s;", '', qr!invalid rate "r/s" in "$d", write it as in!],
        ['', "$d 5r/s burst=0;", '', qr!"burst=0" of "$d", write "burst=N"!],
        ['', "$d 5r/s 10;", '', qr!"10" of "$d", write "burst=N"!],
        ['', "$d off burst=1;", '', qr!"$d off" has no "burst=1"!],
        ['', "$d off; $d 5r/s;", '', qr/"$d" directive is duplicate/],
    } qw/ eirc_rate eirc_flood /),

    ['', 'eirc_irc_charset koi9;', '',
        qr!"koi9" in "eirc_irc_charset" is not known to iconv, write a name!],
    ['', 'eirc_irc_charset koi8-r//IGNORE;', '', qr!is not known to iconv!],
    ['', 'eirc_irc_charset koi8-r out=;', '', qr!"" in .* is not known to!],
    ['', 'eirc_irc_charset Shift_JIS;', '',
        qr!"Shift_JIS" in "eirc_irc_charset" has more than a byte for a char!],
    ['', 'eirc_irc_charset latin1 out=gbk;', '', qr!"gbk" in .* has more!],
    ['', 'eirc_irc_charset utf-8;', '', qr!"utf-8" in "eirc_irc_charset" is !],
    ['', 'eirc_irc_charset latin1 in=all;', '',
        qr!"in=all" of "eirc_irc_charset", there are "out=NAME" and "recode!],
    ['', 'eirc_irc_charset latin1 recode recode;', '', qr!"recode" of .* once!],
    ['', 'eirc_irc_charset latin1; eirc_irc_charset koi8-r;', '',
        qr/"eirc_irc_charset" directive is duplicate/],
    ['', 'eirc_crash_limit 0 60s;', '', qr!"0" in "eirc_crash_limit", it!],
    ['', 'eirc_crash_limit 3 0;', '', qr!time "0" in "eirc_crash_limit"!],
    ['', 'eirc_crash_limit 3;', '', qr/number of arguments in "eirc_crash/],
    ['', 'eirc_crash_limit 1 1s; eirc_crash_limit 1 1s;', '', qr/duplicate/],
    ['', 'eirc_linger x;', '', qr!"x" in "eirc_linger", write a time of!],
    ['', 'eirc_linger 25h;', '', qr!"25h" in "eirc_linger", .* at most 1d!],
    ['', 'eirc_linger 1s; eirc_linger 1s;', '', qr/"eirc_linger".*duplicat/],
    ['', 'eirc_replay 4095;', '', qr!"4095" in "eirc_replay", write a size!],
    ['', 'eirc_replay 17m;', '', qr!"17m" in "eirc_replay", .* 4k to 16m!],
    ['', 'eirc_replay 4k; eirc_replay 8k;', '', qr/"eirc_replay".*duplicat/],
    ['', 'eirc_limit -1;', '', qr!"-1" in "eirc_limit", write a number of!],
    ['', 'eirc_limit 1; eirc_limit 2;', '', qr/"eirc_limit".* is duplicate/],
    ['', 'eirc_max_message_size 17m;', '',
        qr!"17m" in "eirc_max_message_size", write a size of at most 16m!],
    ['', 'eirc_max_message_size 0;', '', qr!"0" in "eirc_max_message_size"!],
    ['', 'eirc_max_message_size x;', '', qr!"x" in "eirc_max_message_size"!],

    # what isn't there yet isn't accepted

    (map {
        ['', "$_ on;", '', qr/unknown directive "$_"/]
    } qw/ eirc_jwt_key eirc_redis
        eirc_status eirc_control /),
);

$t->plan(2 * @right + 2 * @wrong + 2);

for my $case (@right) {
    my ($log, $config) = test_config($t, @$case);

    is(join('', grep { /\[emerg\]/ } split /^/, $log), '',
        join(' ', grep { $_ } @$case));
    like($config, qr/^http \{/m, 'dumped');
}

for my $case (@wrong) {
    my ($http, $server, $location, $re) = @$case;
    my ($log, $config) = test_config($t, $http, $server, $location);

    like($log, qr/\[emerg\][^\n]*$re/, "$http $server $location");
    unlike($config, qr/^http \{/m, 'refused');
}

# a missing irc-client may be installed later

my ($log) = test_config($t, 'eirc_client /nonexistent/irc-client;', '', $pass);

like($log, qr!\[warn\].*access\("/nonexistent/irc-client"\) failed.*"eirc_cli!,
    'missing irc-client');

($log) = test_config($t, 'eirc_client %%TESTDIR%%;', '', $pass);

like($log, qr!\[warn\].*cannot be started: "\S+" is no file, name it with "ei!,
    'a directory for irc-client');


sub test_config {
    my ($t, $http, $server, $location, $tail) = @_;

    $tail = '' if !defined $tail;

    $t->write_file_expand('nginx.conf', <<"EOC");

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    $http

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        $server

        location /l {
            $location
        }
    }

    $tail
}

EOC

    $t->write_file('error.log', '');

    my $config = $t->dump_config();

    return ($t->read_file('error.log'), $config);
}
