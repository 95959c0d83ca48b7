#!/usr/bin/perl

# Tests for sessions that a socket layer keeps on disk: what a browser finds
# when the next layer has only files of them, be they of an end in good order
# or of a moment before everything was killed; and what is not kept, or refused.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Browser;
use EIRC::Chat;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::Sockets;
use EIRC::WebSocket;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix rewrite/)
    ->has_daemon('inspircd')->plan(90);
my $dir = $t->testdir();
my $state = "$dir/state";

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client unix:%%TESTDIR%%/run;
    eirc_rate   off;
    eirc_flood  off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass   irc://127.0.0.1:8090;
            eirc_linger 30s;
            eirc_replay 12k;
            eirc_limit  2;
        }

        location /issue {
            eirc_token_issue on;
        }
    }
}

EOC

my $ircd = EIRC::InspIRCd->new($t, flood => 0)->start();

# a directory that others have access to, and one that is not there

my $layer = EIRC::Sockets->new($t,
    args => [ "--state=$state", '--state-interval=1' ]);

is($layer->spawn()->wait_for_exit(5), 1 << 8, 'no directory: no layer');
like($layer->log(), qr/\[emerg\].*"\Q$state\E" can't be used .*mkdir -m 700/,
    'the log says what to do');

mkdir $state, 0700;
chmod 0750, $state;
is($layer->spawn()->wait_for_exit(5), 1 << 8, 'one that others can read');
like($layer->log(), qr/"\Q$state\E" can't be used .*\(chmod 700\)/,
    '... and what to do');
chmod 0700, $state;

$layer->start();
$t->run();

my $bob = EIRC::Client->new($ircd->port(), 'bob');
$bob->join('#room');

# files come and go with their sessions

my $alice = EIRC::Browser->new('alice');
ok($alice->{id}, 'a session');
ok(kept($alice, qr/#room/), 'is kept soon');
is((stat file($alice))[2] & 07777, 0600, '... and nobody else can read it');
is(scalar(grep { /\.new$/ } files()), 0, '... and nothing beside it');

my $dave = EIRC::Browser->new('dave');
ok(kept($dave), 'another');
$dave->{ws}->close(1000);
ok(wait_until(5, sub { !-e file($dave) }), '... whose file goes with it');

my $plain = EIRC::WebSocket->connect(port(8080),
    '/chat?chat_token=' . token(nick => 'plain', channels => [ 'room' ]));
ok($plain->expect(qr/ 376 /), 'a session that can not be resumed');

my $carol = EIRC::Browser->new('carol', user => { sasl_secret => 'sesame' });
ok($carol->{id}, 'one with a secret');

my $erin = EIRC::Browser->new('erin');
ok(kept($erin), 'and one more');

# an end in good order: one is lost before, one is there

$alice->{ws}->disconnect();
$bob->say('#room', "missed $_") for 1 .. 3;
$erin->say('before the end');
ok($bob->expect(qr/^:erin!\S+ PRIVMSG #room :before the end$/), 'said');
$erin->heard(qr/missed 3$/);

is($layer->stop(), 0, 'SIGTERM');
is(($erin->{ws}->wait_close())[0], 1012, 'the browser is to come back');
ok(-e file($alice) && -e file($erin), 'both are kept');
ok(!-e file($carol), '... who has a secret is not');
is(scalar(grep { /^\d/ } files()), 2, '... nor is anybody else');
unlike(read_file($_), qr/sesame/, '... and no secret is in ' . s/.*\///r)
    for map { "$state/$_" } files();
like($layer->log(), qr/\*\Q$alice->{id}\E session kept on disk/, 'in the log');
ok($bob->expect(qr/^:\w+!\S+ QUIT /), 'the IRC server sees an end');
is(wait_for(0, 5, "$dir/run"), 0, 'no process');

$layer->start();

is($alice->back(), 'resumed', 'the one that was lost is back');
$alice->heard(qr/ 366 /);
is($alice->texts(qr/^missed/), 'missed 1 missed 2 missed 3',
    '... with what it missed');
is($alice->{gaps}, 0, '... without a gap');
ok((grep { /^:client notice :The connection to the IRC server was lost/ }
    @{ $alice->{lines} }), '... is told why it was away');
ok((grep { /^:alice!\S+ JOIN :?#room/ } @{ $alice->{lines} }),
    '... and is in its channel');
ok($bob->expect(qr/^:alice!\S+ JOIN :?#room/), '... as others see');
$alice->say('back again');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :back again$/), '... and speaks');
$bob->say('#room', 'welcome');
ok($alice->heard(qr/welcome$/), '... and hears');
like($layer->log(), qr/\*\Q$alice->{id}\E session brought back from disk/,
    'in the log');

push @{ $erin->{sent} }, 'PRIVMSG #room :not arrived';
is($erin->back(), 'resumed', 'the one that was there is back');
ok($bob->expect(qr/^:erin!\S+ PRIVMSG #room :not arrived$/),
    '... with what had not arrived');
is((grep { /^:erin!\S+ PRIVMSG #room :before/ } $bob->lines()), 1,
    '... and nothing else twice');

is($carol->back(), 4501, 'who has a secret needs a token');

# a file is good for one time

ok(kept($alice, qr/#room/), 'it is kept again');
$erin->{ws}->close(1000);
ok(wait_until(5, sub { !-e file($erin) }), 'a session ends');
is($erin->back(), 4501, '... for good');

# keys

my $other = $alice->twin(key => '0' x 64);
is($layer->stop(), 0, 'SIGTERM');
$layer->start();
is($other->back(), 4501, 'another key');
ok(-e file($alice), '... and the session is still there');
$other = $alice->twin(id => '1-' . substr $alice->{id}, 2);
rename file($alice), file($other);
isnt($other->back(), 'resumed', 'another layer');
rename file($other), file($alice);
$other = $alice->twin(id => '0-00');
link file($alice), file($other);
is($other->back(), 4501, 'another name');
like($layer->log(), qr/\[error\].*\*0-00 the session's file is not what/,
    '... in the log');
unlink file($other);

# once more, without anybody having come meanwhile

is($layer->stop(), 0, 'SIGTERM');
$layer->start();
is($alice->back(), 'resumed', 'after two ends');
ok($bob->expect(qr/^:alice!\S+ JOIN :?#room/), '... is in its channel');

# with much on its way in both directions

$alice->heard(qr/ 366 /);

for my $round (1 .. 3) {
    $alice->say(map { "load $round.$_" } 1 .. 40);
    $bob->say('#room', "noise $round.$_") for 1 .. 40;
    is($layer->stop(), 0, 'SIGTERM under load');
    $layer->start();
    is($alice->back(), 'resumed', 'it is back');
    ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :load $round\.40$/),
        '... and says all');
    $alice->{ws}->send_text("PRIVMSG alice :over $round");
    push @{ $alice->{sent} }, "PRIVMSG alice :over $round";
    $alice->heard(qr/^:alice!\S+ PRIVMSG alice :over $round$/);
}

is(join(' ', map { / :load (.*)$/ } grep { /^:alice!/ } $bob->lines()),
    join(' ', map { my $n = $_; map { "$n.$_" } 1 .. 40 } 1 .. 3),
    'every line once, and in order');
my %heard;
is((grep { / :noise / && $heard{$_}++ } @{ $alice->{lines} }), 0,
    '... and nothing is heard twice');

# all is killed: what is there is older than what the browser has

ok(kept($alice, qr/#room/), 'a copy');
$alice->heard(qr/ 366 /);
$alice->say('the last words');
ok($bob->expect(qr/the last words$/), 'something is said');
kill_all();
ok(-e file($alice), 'killed: there is a file');
ok($bob->expect(qr/^:alice!\S+ QUIT /), '... and nobody on IRC');
$layer->again();

my $first = $alice->back();
my ($id, $key) = $first =~ /^:client session (\S+) (\w{64}) 30$/;
ok($key, 'it is another session');
isnt($id, $alice->{id}, '... with another ID');
ok(!-e file($alice), '... and the file is gone');
@$alice{qw/ id key received sent /} = ($id, $key, 0, []);
ok($alice->heard(qr/^:client error :The session had to be begun anew/),
    '... is told so');
ok($alice->heard(qr/^:alice!\S+ JOIN :?#room/), '... in its channel');
$alice->heard(qr/ 366 /);
$alice->say('here we are');
ok($bob->expect(qr/^:alice!\S+ PRIVMSG #room :here we are$/), '... speaks');
is((grep { /the last words$/ } $bob->lines()), 1, '... and nothing twice');
like($layer->log(), qr/session of an earlier copy/, 'in the log');
ok(kept($alice, qr/#room/), 'it is kept');
is(scalar(grep { /^\d/ } files()), 1, '... and nobody else');

# a file that somebody has written to

is($layer->stop(), 0, 'SIGTERM');

my $bytes = read_file(file($alice));
substr($bytes, length($bytes) / 2, 1) ^= "\1";
write_file(file($alice), $bytes);
$layer->start();
is($alice->back(), 4501, 'one bit is another');
like($layer->log(),
    qr/\[error\].*\*\Q$alice->{id}\E the session's file is not what/,
    '... in the log');

# one that is too old, whatever there is, and a link

substr($bytes, length($bytes) / 2, 1) ^= "\1";
write_file(file($alice), $bytes);
my $old = time() - 2000;
utime $old, $old, file($alice);
is($alice->back(), 4501, 'too old');

rename file($alice), "$state/away";
symlink "$state/away", file($alice);
is($alice->back(), 4501, 'a link');
unlink file($alice);
rename "$state/away", file($alice);
utime time(), time(), file($alice);
is($alice->back(), 'resumed', 'and as it was');
ok($alice->heard(qr/^:alice!\S+ JOIN :?#room/), '... in its channel');

# what nobody came back to

write_file("$state/0-dead", 'what is this');
write_file("$state/0-dead.new", '');
write_file("$state/1-dead", 'of another layer');
utime $old, $old, map { "$state/$_" } qw/ 0-dead 0-dead.new 1-dead /;
is($layer->stop(), 0, 'SIGTERM');
$layer->start();
ok(wait_until(5, sub { !grep { /^0-dead/ } files() }),
    'what is too old is removed');
ok(-e "$state/1-dead", '... but for other layers');
unlink "$state/1-dead";
is($alice->back(), 'resumed', 'the others are there');

$alice->{ws}->send_text('/quit');
is(($alice->{ws}->wait_close())[0], 1000, '/quit');
ok(wait_until(5, sub { !grep { /^\d/ } files() }), 'no file is left');
is($layer->stop(), 0, 'SIGTERM');
unlike($layer->log(), qr/can't be kept|was not removed/, 'nothing failed');


sub files {
    opendir(my $d, $state) or return ();
    return grep { !/^\./ } readdir $d;
}


sub file { return "$state/$_[0]{id}" }


# Is there a file of it, with that in it?

sub kept {
    my ($self, $re) = @_;

    $re = qr// if !defined $re;

    return wait_until(5, sub {
        return -e file($self) && read_file(file($self)) =~ $re;
    });
}


sub kill_all {
    my @pids = ($layer->workers(), map { $layer->helper($_) }
        qw/ template connect /);

    $layer->slay();
    kill 'KILL', @pids;
    wait_for_end($_, 5) for @pids;

    return;
}


sub read_file {
    my ($path) = @_;

    open my $fh, '<:raw', $path or return '';
    local $/;

    return scalar <$fh>;
}


sub write_file {
    my ($path, $bytes) = @_;

    open my $fh, '>:raw', $path or die "Can't write $path: $!\n";
    print $fh $bytes;
    close $fh;
    chmod 0600, $path;

    return;
}
