#!/usr/bin/perl

# Tests for strict transport security (IRCv3 sts) of irc-client standing alone:
# a server that wants TLS is reached with it, now and from then on.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Alone;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::TLS;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(39);
my $dir = $t->testdir();
my $certs = EIRC::TLS->certificates($dir);

my $secure = tls($t, 8083, 'good', caps => 'multi-prefix sts=duration=100,port=1');
my $bad = tls($t, 8084, 'self', caps => 'sts=duration=100');
my $off = tls($t, 8085, 'good', caps => 'sts=duration=0');

my %plain = (
    8091 => 'sts=port=' . $secure->port(),
    8092 => 'sasl sts=foo,port=' . $bad->port() . ',bar=1',
    8093 => 'sts=port=' . $off->port(),
    8094 => 'sts=duration=100 sts-not=port=1',
    8095 => 'sts=port=0',
    8096 => 'sts=port=65536',
    8097 => 'sts=port=' . Test::Nginx::port(8089));
my %server = map { my $port = $_; $port => EIRC::IRCServer->new($t,
    port => $port, on_line => sub { scripted(@_, $plain{$port}) }) }
    keys %plain;

$t->run_daemon($_->code()) for values %server;
$_->wait() for values %server, $secure, $bad, $off;

my $file = "$dir/state/eirc/sts";
my @ca = '--tls-ca=' . $certs->file('ca.pem');

# from one port to the other, in the middle of things

my $c = start($t, 8091, '--channels=one');
ok($c->expect(qr/^:irc\.tls 001 alice /, 15), 'reached with TLS');
is(join('|', $server{8091}->received()), 'CAP LS 302|NICK alice|USER alice 0 '
    . '* :alice', 'not much was said without');
ok($server{8091}->wait_for_end(1, 5), 'and that is closed');
ok(wait_until(5, sub { lines(8083, qr/^CAP/) eq 'CAP LS 302|CAP END' }),
    'capabilities again');
is(scalar(grep { / CAP / } $c->lines()), 0, 'of which nothing is told');
ok(wait_until(5, sub { -e $file }), 'a policy is kept');
is((stat $file)[2] & 0777, 0600, 'for nobody else');
my ($host, $port, $until) = split ' ', content($file);
is("$host $port", 'localhost ' . $secure->port(), 'of that host and port');
cmp_ok($until - time(), '<=', 100, 'for its time');
cmp_ok($until - time(), '>', 50, '... in seconds');
$c->send('/quit');
$c->rest();

# from then on

my $heard = $server{8091}->received();
$c = start($t, 8091);
ok($c->expect(qr/^:irc\.tls 001 alice /, 15), 'with TLS at once');
is(scalar $server{8091}->received(), $heard, '... and not a word without');
undef $c;

$c = start($t, 8091, '--tls-verify=off');
is(join('|', @{ $c->rest(10) }), ':client error :The IRC server wants TLS that '
    . 'is verified.|:client error :No IRC server could be reached.'
    . '|Disconnected.', 'nobody can switch that off');
is(scalar $server{8091}->received(), $heard, '... nor go back');

# it begins anew at the end, and ends

unlink $file;
$t->write_file('policies', join '', "LocalHost " . $secure->port() . ' '
    . (time() + 40) . "\n", "nonsense\n", "other 1 9999999999\n",
    "old 1 1\n", "bad 0 9999999999\n");
$c = start($t, 8091, "--sts-file=$dir/policies");
ok($c->expect(qr/^:irc\.tls 001 alice /, 15), 'a file of another name');
$c->send('/quit');
$c->rest();
$c->wait_for_exit();
like(content("$dir/policies"), qr/^localhost \d+ \d+\nother 1 9999999999\n$/i,
    'what is over, or no policy, is not kept');
cmp_ok((content("$dir/policies") =~ /^localhost \d+ (\d+)/i)[0] - time(), '>',
    50, 'the time begins anew');

$t->write_file('policies', 'localhost ' . $secure->port() . " 1\n");
$c = start($t, 8091, "--sts-file=$dir/policies");
ok($c->expect(qr/^:irc\.tls 001 alice /, 15), 'over, and told again');
cmp_ok(scalar $server{8091}->received(), '>', $heard, '... without TLS');
undef $c;

# a policy that is taken back

unlink $file;
$t->write_file('policies', 'localhost ' . $off->port() . " 9999999999\n");
$c = start($t, 8093, "--sts-file=$dir/policies");
ok($c->expect(qr/^:irc\.tls 001 alice /, 15), 'a policy');
ok(wait_until(5, sub { content("$dir/policies") eq '' }), 'taken back');
undef $c;

# nobody goes on without

$c = start($t, 8092);
like(join('|', @{ $c->rest(10) }), qr/^:client error :TLS to localhost \d+ failed: .*self-signed.*\|:client error :No IRC[^|]*\|Disconnected\.$/,
    'a bad certificate is the end');
is($c->wait_for_exit(), 0, '... of the process');
is($server{8092}->connections(), 1, '... and nothing is tried again');

$c = start($t, 8097);
like(join('|', @{ $c->rest(10) }), qr/No IRC server could be reached/,
    'so is a port at which nobody listens');

# what is no policy

for my $name (8094, 8095, 8096) {
    $c = start($t, $name);
    ok($c->expect(qr/^:irc\.scripted 001 alice /), "not of $plain{$name}");
    undef $c;
}

$c = start($t, 8091, '--sts=off', '--sts-file=');
ok($c->expect(qr/^:irc\.scripted 001 alice /), 'switched off');
undef $c;

ok(!-e $file, 'nothing was kept of these');

# secrets wait for it

$t->write_file('password', "sesame\n");
chmod 0600, "$dir/password";
$c = start($t, 8091, "--password-file=$dir/password", '--sts-file=');
ok($c->expect(qr/^:irc\.tls 001 alice /, 15), 'a password');
is(scalar(grep { /PASS|sesame/ } $server{8091}->received()), 0,
    '... is not said without TLS');
like(lines('8083', qr/PASS/), qr/PASS sesame$/, '... but with it');
ok(!-e $file, 'no file, no policy');
undef $c;

$c = start($t, 8094, "--password-file=$dir/password");
ok($c->expect(qr/ 001 alice /), 'where there is no policy');
is(join('|', ($server{8094}->received())[-5 .. -1]), 'CAP LS 302|PASS sesame'
    . '|NICK alice|USER alice 0 * :alice|CAP END', '... it is said');

# a server that says ERROR is left

$c->send('/input PRIVMSG x :!error');
ok($c->expect(qr/^Disconnected/, 10), 'ERROR is the end');

$c = start($t, 8091, '--tls', '--port=' . $secure->port());
ok($c->expect(qr/^:irc\.tls 001 alice /, 15), 'TLS from the beginning');
ok(wait_until(5, sub { content($file) =~ /^localhost / }),
    '... has policies, too');
undef $c;

###############################################################################

sub tls {
    my ($t, $name, $cert, %opt) = @_;
    my $server = EIRC::TLS->new($t, port => $name, $certs->pair($cert),
        log => $t->testdir() . "/tls.$name", %opt);

    $t->run_daemon($server->code());

    return $server;
}


sub start {
    my ($t, $name, @args) = @_;

    my $dir = $t->testdir();

    local $ENV{XDG_STATE_HOME} = "$dir/state";

    return EIRC::Alone->start($t, tls => 1, args => [ '--nick=alice',
        '--server=localhost', '--port=' . Test::Nginx::port($name),
        "--listen=$dir", "--log=$dir", @ca, @args ]);
}


sub lines {
    my ($name, $re) = @_;

    return join '|', grep { $_ =~ $re } split /\n/, content("$dir/tls.$name");
}


sub content {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;

    return scalar(<$fh>) // '';
}


sub scripted {
    my ($self, $conn, $line, $caps) = @_;

    if ($line =~ /^CAP LS/) {
        $conn->{cap} = 1;
        $self->reply($conn, ":irc.scripted CAP * LS :$caps");
        return 1;
    }

    if ($line =~ /!error/) {
        $self->reply($conn, 'ERROR :Closing link');
        return 1;
    }

    return 0;
}

###############################################################################
