#!/usr/bin/perl

# Tests for irc-client standing alone, with a real IRC server: two users and
# an ordinary client talk, come, go, change nicks and modes; the lists of
# members follow.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Alone;
use EIRC::Client;
use EIRC::InspIRCd;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(31);

my $ircd = EIRC::InspIRCd->new($t, flood => 0)->start();

my $alice = EIRC::Alone->start($t, port => $ircd->port(), nick => 'alice',
    realname => 'Alice_Liddell', channels => 'one,two');
ok($alice->expect(qr/ 366 alice #two /), 'registered and joined');
ok((grep { /^:irc\.localhost 005 / } $alice->lines()), 'lines of the server');

my $bob = EIRC::Alone->start($t, port => $ircd->port(), nick => 'bob',
    channels => 'one');
ok($bob->expect(qr/ 366 bob #one /), 'another one');
ok($alice->expect(qr/^:bob!bob\@\S+ JOIN :#one/), 'JOIN is seen');

# talk

$alice->send('/input PRIVMSG #one :h' . "\xc3\xa4" . 'llo there');
like($bob->expect(qr/PRIVMSG/),
    qr/^:alice!Alice_Lidd\S*\@\S+ PRIVMSG #one :h\xc3\xa4llo there$/, 'a line');
$bob->send("/input PRIVMSG alice :\x01ACTION nods\x01");
like($alice->expect(qr/PRIVMSG/),
    qr/^:bob!bob\@\S+ PRIVMSG alice :\x01ACTION nods\x01$/, 'and an answer');

# who is there

is(users($alice, 'one'), '@alice, bob', 'members');
is(users($bob, '#one'), '@alice, bob', '... for the other one');
is(ask($alice, '/channels'), ':client channels :#one, #two', 'channels');

my $carol = EIRC::Client->new($ircd->port(), 'carol');
$carol->join('#three');
$bob->send('/input JOIN #three,#ONE');
$bob->expect(qr/ 366 bob #three /);
is(users($bob, 'three'), 'bob, @carol', 'operator');

$carol->send('MODE #three +v bob');
$bob->expect(qr/ MODE #three \+v :?bob/);
is(users($bob, 'three'), '+bob, @carol', 'voice');

$carol->send('MODE #three +o-o bob carol');
$bob->expect(qr/ MODE #three /);
is(users($bob, 'three'), '@bob, carol', 'operator and voice');

$carol->send('NICK carola');
$bob->expect(qr/^:carol!\S+ NICK /);
is(users($bob, 'three'), '@bob, carola', 'another nick');

$bob->send('/input NICK robert');
$bob->expect(qr/^:bob!\S+ NICK /);
is(users($bob, 'three'), 'carola, @robert', 'an own nick');
is(title($bob->pid()), 'irc-client: robert', '... in the title');
$alice->expect(qr/^:bob!\S+ NICK /);
is(users($alice, 'one'), '@alice, robert', '... and for others');

$bob->send('/input KICK #three carola :out');
$bob->expect(qr/ KICK /);
is(users($bob, 'three'), '@robert', 'kicked');

$carol->join('#two');
$alice->expect(qr/^:carola!\S+ JOIN :#two/);
$carol->send('PART #two');
$alice->expect(qr/ PART /);
is(users($alice, 'two'), '@alice', 'parted');

$carol->join('#one');
$alice->expect(qr/^:carola!\S+ JOIN :#one/);
$carol->quit();
$alice->expect(qr/^:carola!\S+ QUIT /);
is(users($alice, 'one'), '@alice, robert', 'quit');

$alice->send('/input PART #two :enough');
$alice->expect(qr/ PART /);
is(ask($alice, '/channels'), ':client channels :#one', 'left a channel');
is(users($alice, 'two'), undef, '... its members are unknown');

# a nick in use

my $other = EIRC::Alone->start($t, port => $ircd->port(), nick => 'alice');
like($other->expect(qr/ 376 /), qr/^:\S+ 376 alice_ /, 'nick in use');
ok((grep { / 433 / } $other->lines()), '... is told');
$other->send('/quit');
$other->rest();

# many lines at once arrive in their order

$alice->send(map { "/input PRIVMSG robert :line $_" } 1 .. 500);
my @got;

while (my $line = $bob->expect(qr/PRIVMSG robert/)) {
    push @got, $line =~ /:line (\d+)$/;
    last if $got[-1] == 500;
}

is(join(' ', @got), join(' ', 1 .. 500), '500 lines in order');

# the end

$alice->send('/quit');
like(join('|', @{ $alice->rest() }),
    qr/ PART #one :Bye bye\|ERROR :[^|]+\|Disconnected\.$/, '/quit');
is($alice->wait_for_exit(), 0, 'exit code');
ok($bob->expect(qr/^:alice!\S+ PART #one :Bye bye/), 'PART is seen');

my $dave = EIRC::Client->new($ircd->port(), 'dave');
$dave->join('#one');
$bob->send('/input QUIT :my own words');
ok($dave->expect(qr/^:robert!\S+ QUIT :(?:Quit: )?my own words/),
    'QUIT of his own');
ok(defined $bob->rest(), '... ends it');

# the server goes

my $eve = EIRC::Alone->start($t, port => $ircd->port(), nick => 'eve');
$eve->expect(qr/ 376 /);
$ircd->kill();
is(join('|', (@{ $eve->rest() })[-2, -1]), ':client error :The connection to'
    . ' the IRC server was lost.|Disconnected.', 'server killed');
is($eve->wait_for_exit(), 0, '... exit code');


sub ask {
    my ($c, $line) = @_;

    $c->send($line);

    return $c->expect(qr/^:client /);
}


# the members, sorted, or undef

sub users {
    my ($c, $channel) = @_;

    return undef if ask($c, "/users $channel") !~ /^:client users \S+ :(.*)/;

    return join ', ', sort { $a =~ s/^[@+]//r cmp $b =~ s/^[@+]//r }
        split /, /, $1;
}
