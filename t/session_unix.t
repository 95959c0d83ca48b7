#!/usr/bin/perl

# Tests for users of an IRC server on a UNIX socket, whose connections go
# through relays without TLS: with a real server, by the side of a user over
# TCP, and when server or relay end.

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

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(34);
my $dir = $t->testdir();
my $client = irc_client();
my $path = "$dir/ircd.sock";

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
            eirc_pass unix:%%TESTDIR%%/ircd.sock;
        }

        location /again {
            eirc_pass unix:%%TESTDIR%%/ircd.sock;
            eirc_irc_tls_fingerprint
                00000000000000000000000000000000000000000000000000000000000000ff;
        }

        location /tcp {
            eirc_pass irc://127.0.0.1:8090;
        }

        location /second {
            eirc_pass unix:%%TESTDIR%%/none.sock unix:%%TESTDIR%%/ircd.sock;
        }

        location /none {
            eirc_pass unix:%%TESTDIR%%/none.sock;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $ircd = EIRC::InspIRCd->new($t, flood => 0, recvq => '1M',
    config => "<bind path=\"$path\" permissions=\"0600\" replace=\"yes\""
        . ' type="clients">')->start();

ok(wait_until(5, sub { -S $path }), 'InspIRCd listens on a UNIX socket');

$t->run();

# a real server

my $alice = chat('/chat', nick => 'alice', channels => ['room']);
ok($alice->expect(qr/^:\S+ 001 alice /), 'registered');
ok($alice->expect(qr/ JOIN :?#room/), 'joined');

my $bob = chat('/tcp', nick => 'bob', channels => ['room']);
ok($bob->expect(qr/ JOIN :?#room/), 'a user over TCP');

$bob->send_text('PRIVMSG #room :hello alice');
ok($alice->expect(qr/^:bob!\S+ PRIVMSG #room :hello alice$/), 'they talk');
$alice->send_text('PRIVMSG #room :hello bob');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :hello bob$/), '... both ways');

like($t->read_file('eirc.log'), qr/\[info\].* connected to unix:\Q$path\E$/m,
    'in the log');

my ($relay) = relays();
is(scalar(relays()), 1, 'a relay for whom there is none but it');

SKIP: {
    skip 'no relay', 4 if !$relay;

    unlike(slurp("/proc/$relay/maps"), qr/libssl/, '... without libssl');

    my $status = slurp("/proc/$relay/status");
    like($status, qr/^Seccomp:\s+2$/m, '... in the sandbox of relays');
    like($status, qr/^NoNewPrivs:\s+1$/m, '... without a way to more');
    is((stat "/proc/$relay/fd")[4], 0, '... and is not dumpable');
}

# what is said of TLS makes no other relay where there is none

my $carol = chat('/again', nick => 'carol', channels => ['room']);
ok($carol->expect(qr/ JOIN :?#room/), 'a location with TLS directives');
is(scalar(relays()), 1, '... needs no other relay');

# more than any buffer on the way holds

my $watcher = EIRC::Client->new($ircd->port(), 'watcher');
$watcher->join('#room');
ok($alice->expect(qr/^:watcher!\S+ JOIN/), 'an ordinary client joins');

my $padding = 'x' x 400;

for my $n (1 .. 1000) {
    $watcher->say('#room', "$n $padding");
}

ok($alice->expect(qr/PRIVMSG #room :1000 /, 20), 'much at once');

my @got = map { /PRIVMSG #room :(\d+) x+$/ ? $1 : () } $alice->messages();
is("@got", join(' ', 1 .. 1000), '... arrives in order');

# what can't be reached

my $dave = chat('/second', nick => 'dave');
ok($dave->expect(qr/ 001 dave /), 'the second server where the first is none');
my $erin = chat('/none', nick => 'erin');
is(($erin->wait_close(10))[0], 4004, 'no server at all');
like($t->read_file('eirc.log'),
    qr/\[error\].* connect\(\) to unix:\Q$dir\E\/none.sock failed \(2: /,
    '... in the log');

# the relay dies, and the server

kill 'KILL', relays();
ok($alice->expect(qr/^:client .*connection to the IRC/i),
    'a relay is killed: its users are told');
ok($watcher->expect(qr/^:alice!\S+ QUIT/, 10), '... gone from IRC');
ok($alice->expect(qr/ JOIN :?#room/, 30), '... and come back');
ok(wait_until(5, sub { relays() == 1 }), '... through another one');

$ircd->kill();
ok($alice->expect(qr/^:client .*connection to the IRC/i),
    'the server dies: its users are told');
$ircd->start();
ok($alice->expect(qr/ JOIN :?#room/, 60), '... and come back');

# who leaves leaves nothing

$alice->send_text('/quit');
is(($alice->wait_close(10))[0], 1000, 'the command /quit');

$_->disconnect() for $bob, $carol, $dave;

ok(wait_until(20, sub {
    $t->read_file('eirc.log') =~ /relay \d+ exited with code 0/
}), 'a relay that nobody needs ends');

$t->stop();
is(wait_for(0, 15, $dir), 0, 'no process left behind');

# as many users as a relay takes

my $layer = EIRC::Sockets->new($t, dir => "$dir/few",
    log => "$dir/few.log", args => ['--relay-sessions=2']);
$layer->start();
my $watch = $layer->watch();
my @peers;

for my $n (1 .. 5) {
    push @peers, $layer->session(account => "a$n",
        servers => [ [ $path, 0, 2 ] ], user => "{\"nick\":\"user$n\"}");
}

is(scalar(grep { $_->lines(10, qr/ 001 /) } @peers), 5, 'five users');
is(scalar(of_layer()), 3, '... need three relays of two');

$peers[0]->close();
$peers[1]->close();
ok(wait_until(10, sub { of_layer() == 2 }), 'a relay without users ends');

is($layer->stop(), 0, 'end');
ok(wait_until(10, sub { !processes("$dir/few") }), 'all end with the layer');


sub of_layer {
    return grep { title($_) eq 'irc-client: relay' } children($layer->pid());
}


sub relays {
    return grep { title($_) eq 'irc-client: relay' } processes("$dir/run");
}


sub slurp {
    my ($name) = @_;

    open my $fh, '<', $name or return '';
    local $/;

    return scalar <$fh>;
}
