#!/usr/bin/perl

# Tests for what the IRC server is told before anything else: WEBIRC with the
# browser's real address, and the server's password; servers that refuse
# either; and what is left of the secrets. The IRC servers are scripted ones.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Chat qw/ token /;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::TLS;
use EIRC::WebSocket;

use IO::Socket::IP;
use IO::Socket::UNIX;
use MIME::Base64;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()
    ->has(qw/http http_ssl unix realip rewrite/)->plan(51);
my $dir = $t->testdir();
my $client = irc_client();

EIRC::TLS->certificates($dir);

# in a file, where no list of the configuration shows it

$t->write_file('webirc', "s3same\nnot this\n");

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

    eirc_webirc       file:webirc gateway=chat.example.org;
    eirc_irc_password "open s3same";

    ssl_certificate     %%TESTDIR%%/good.pem;
    ssl_certificate_key %%TESTDIR%%/good.key;

    server {
        listen       127.0.0.1:8080;
        listen       127.0.0.1:8443 ssl;
        listen       [::]:%%PORT_8081%% ipv6only=off;
        listen       unix:%%TESTDIR%%/web.sock;
        server_name  localhost;

        location /chat {
            eirc_pass irc://127.0.0.1:8091;
        }

        location /real {
            set_real_ip_from 127.0.0.1;
            real_ip_header   X-Real-IP;

            eirc_pass   irc://127.0.0.1:8091;
            eirc_webirc "a\"b\\c";
        }

        location /off {
            eirc_webirc       off;
            eirc_irc_password off;
            eirc_pass         irc://127.0.0.1:8091;
        }

        location /word {
            eirc_irc_password :colon;
            eirc_webirc       off;
            eirc_pass         irc://127.0.0.1:8091;
        }

        location /refuse {
            eirc_pass irc://127.0.0.1:8092 irc://127.0.0.1:8091;
        }

        location /wants {
            eirc_irc_password off;
            eirc_pass         irc://127.0.0.1:8092;
        }

        location /issue {
            eirc_token_issue any;
        }
    }
}

EOC

# what the servers do hangs on the user's nick, which comes late

my $irc = EIRC::IRCServer->new($t, port => 8091, on_line => sub {
    my ($server, $conn, $line) = @_;

    $server->hangup($conn) if $line =~ /:hang up$/;

    return 0;
});

my $picky = EIRC::IRCServer->new($t, port => 8092, on_line => sub {
    my ($server, $conn, $line) = @_;

    return $conn->{cap} = 1 if $line =~ /^CAP LS/;

    my ($nick) = $line =~ /^NICK (\S+)/ or return 0;
    my $end = 'ERROR :Closing link: (~u@127.0.0.1) ';
    my %said = (
        gate => [ "$end\[WEBIRC: you don't match any configured host]" ],
        cgi => [ "$end\[CGI:IRC -- No access]" ],
        pass => [ ':s 464 * :Password Incorrect', "$end\[Bad Password]" ],
        word => [ "$end\[Bad Password]" ],
        wants => [ ':s 464 * :Password Required', "$end\[No Password]" ],
        plain => [ ":s 421 * WEBIRC :Unknown command" ],
        early => [ ":s 451 * WEBIRC :Register first" ],
        late => [ ":s 451 * :Register first" ],
        full => [ "$end\[Server is full]" ],
    );

    $server->reply($conn, @{ $said{$nick} });
    $server->hangup($conn) if $said{$nick}[-1] =~ /^ERROR/;

    $server->reply($conn, ':s CAP * LS * :batch', ':s CAP * LS :away');

    return 0;
});

$t->run_daemon($_->code()) for $irc, $picky;
$_->wait() for $irc, $picky;
$t->run();

my $ids = 0;
my $here = '127.0.0.1 127.0.0.1';

# the order, and the address of a browser

my $ws = chat('/chat', nick => 'alice', sasl_secret => 'sesame');
my $port = $ws->socket()->sockport();

$irc->wait_for(qr/IDENTIFY/, 5, ++$ids);
is(join('|', $irc->received($ids)), "WEBIRC s3same chat.example.org $here"
    . " :remote-port=$port local-port=" . port(8080) . '|CAP LS 302|'
    . 'PASS :open s3same|NICK alice|USER alice 0 * :alice|CAP END|'
    . 'PRIVMSG NickServ :IDENTIFY sesame', 'the order');

$ws->send_text('PRIVMSG #a :hang up');
ok($irc->wait_for(qr/^USER /, 10, ++$ids), 'a lost connection');
is(join('|', ($irc->received($ids))[0 .. 4]),
    join('|', ($irc->received($ids - 1))[0 .. 4]), '... the same once more');
ok($ws->expect(qr/^:client notice :Connected .* again/, 10), '... is back');

my ($user) = grep { title($_) =~ /: alice$/ } processes("$dir/run");

ok(wait_until(5, sub { !remembers($user, qr/s3same/) }),
    'no secret in memory');
is(join(' ', grep { /secret/ } map { readlink } glob "/proc/$user/fd/*"), '',
    '... nor at hand');

$ws->send_text('/quit');
$ws->wait_close(5);

$ws = chat('/chat', { socket => IO::Socket::IP->new(PeerHost => '127.0.0.1',
    PeerPort => port(8443)), SSL => 1 }, nick => 'bob');
$port = $ws->socket()->sockport();
is(line(), "WEBIRC s3same chat.example.org $here :secure remote-port=$port"
    . ' local-port=' . port(8443), 'TLS');
is(join('|', ($irc->received($ids))[1 .. 3]),
    'PASS :open s3same|NICK bob|USER bob 0 * :bob',
    '... without CAP, as nothing is wanted');

$ws = chat('/chat', { socket => IO::Socket::IP->new(PeerHost => '::1',
    PeerPort => port(8081)) }, nick => 'carol');
$port = $ws->socket()->sockport();
is(line(), "WEBIRC s3same chat.example.org 0::1 0::1 :remote-port=$port"
    . ' local-port=' . port(8081), 'IPv6');

$ws = chat('/chat', { socket => IO::Socket::IP->new(PeerHost => '127.0.0.1',
    PeerPort => port(8081)) }, nick => 'dave');
$port = $ws->socket()->sockport();
is(line(), "WEBIRC s3same chat.example.org $here :remote-port=$port"
    . ' local-port=' . port(8081), 'IPv4 in IPv6');

$ws = chat('/chat', { socket => IO::Socket::UNIX->new(Peer =>
    "$dir/web.sock") }, nick => 'erin');
is(line(), "WEBIRC s3same chat.example.org $here", 'a UNIX socket');

for my $case (
    [ '198.51.100.7', '198.51.100.7', '' ],
    [ '198.51.100.7:1234', '198.51.100.7', 'remote-port=1234 ' ],
    [ '2001:DB8:0:0:0::1', '2001:db8::1', '' ],
    [ '[2001:db8::2]:99', '2001:db8::2', 'remote-port=99 ' ],
    [ '::ffff:192.0.2.1', '192.0.2.1', '' ],
    [ '::2', '0::2', '' ])
{
    my ($header, $address, $remote) = @$case;

    chat('/real', { headers => [ "X-Real-IP: $header" ] }, nick => 'fay');
    is(line(), "WEBIRC a\"b\\c eirc $address $address :${remote}local-port="
        . port(8080), "from another proxy: $header");
}

chat('/off', nick => 'gina');
is(line(), 'NICK gina', 'off');
chat('/word', nick => 'hal');
is(line(), 'PASS ::colon', 'a password like no other');

# a browser that registers itself

$ws = EIRC::WebSocket->connect(port(8080), '/chat?chat_token='
    . token(nick => 'ian', sasl_secret => 'x'),
    subprotocols => [ 'text.ircv3.net' ]);
$port = $ws->socket()->sockport();
$ws->send_text("CAP LS 302\r\nNICK x\r\nUSER x 0 * :x\r\nCAP END");
ok($ws->expect(qr/ 376 /), 'IRCv3');
like(join('|', $irc->received(++$ids)), qr/^WEBIRC\ s3same(?:\ \S+){5}
    \|CAP\ LS\ 302\|PASS\ :open\ s3same\|CAP\ LS\ 302\|NICK\ ian\|/x,
    '... ours comes first');

# who is refused; coming back is of no use

for my $case (
    [ 'gate', 'The IRC server does not believe this gateway whose connection'
        . ' it is.', 'refused the gateway' ],
    [ 'cgi', 'The IRC server does not believe this gateway whose connection'
        . ' it is.', 'refused the gateway' ],
    [ 'pass', 'The IRC server does not take the password.',
        'refused the password (464)' ],
    [ 'word', 'The IRC server does not take the password.',
        'refused the password' ],
    [ 'wants', 'The IRC server wants a password.',
        'refused the password (464)' ])
{
    my ($nick, $words, $log) = @$case;
    my $before = $picky->connections();

    $ws = chat($nick eq 'wants' ? '/wants' : '/refuse', nick => $nick);
    is(($ws->wait_close(10))[0], 4500, "refused: $nick");
    is(scalar(grep { $_ eq ":client error :$words" } $ws->messages()), 1,
        '... told in words');
    is($picky->connections() - $before, 1, '... no other try');
    ok(logged($t, qr/\[error\].* IRC server \Q$log\E$/m), '... in the log');
}

# servers that know nothing of it

$ws = chat('/refuse', nick => 'plain');
ok($ws->expect(qr/ 376 /), 'a server without WEBIRC');
is(scalar(grep { / 421 / } $ws->messages()), 0, '... no word of it');
ok(logged($t, qr/\[error\].* gateway \(421\): "it knows no WEBIRC"$/m),
    '... but in the log');

$ws = chat('/refuse', nick => 'early', sasl_secret => 'x');
ok($ws->expect(qr/ 376 /), '451 for WEBIRC');

$ws = chat('/refuse', nick => 'late', sasl_secret => 'x');
ok($ws->expect(qr/ 376 /), '451 for whatever, and CAP all the same');
is(scalar(grep { / CAP | 451 / } $ws->messages()), 0, '... no word of it');
is(scalar(grep { $_ eq 'CAP END' } $picky->received($picky->connections())),
    1, '... CAP END');

# a server that is full is not the last one

$ws = chat('/refuse', nick => 'full');
ok($ws->expect(qr/ 376 /, 10), 'another failure: the next server');

# the words

unlike($t->read_file('eirc.log') . $t->read_file('error.log')
    =~ s/^.*\[debug\].*$//mgr, qr/s3same/, 'no secret in a log');

$t->stop();
is(wait_for(0, 15, $dir), 0, 'no process left behind');


sub logged {
    my ($t, $re) = @_;
    return wait_until(5, sub { $t->read_file('eirc.log') =~ $re });
}


# the first line of the next user

sub line {
    $irc->wait_for(qr/^USER/, 5, ++$ids);
    return ($irc->received($ids))[0];
}


sub chat {
    my ($path, @user) = @_;
    my %opt = ref $user[0] ? %{ shift @user } : ();
    my $ws = EIRC::WebSocket->connect(port(8080),
        "$path?chat_token=" . token(@user), %opt);

    $ws->expect(qr/ 376 /) if $path ne '/refuse' && $path ne '/wants';
    return $ws;
}
