#!/usr/bin/perl

# Tests for the load and the scripted server of the benchmark: that what they
# count is so, and that nothing lost, doubled or late escapes them.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib', 'bench/lib';
use Test::Nginx;
use Bench::Load;
use EIRC::Processes;
use IO::Socket::INET;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(24);
my $objs = objs();

# everybody comes, talks and leaves; plain, and by WebSocket

server($t, 8090, 8091);

for my $way (qw/ raw ws /) {
    my $load = load($way, $way eq 'raw' ? 8090 : 8091);
    my $came = $load->tell('connect inflight=8');

    is($came->{failed}, 0, "$way, all are connected");
    is($came->{joined}{count}, 25, "$way, in their channels");
    cmp_ok($came->{open}{p50}, '<=', $came->{joined}{p50},
        "$way, one after the other");

    my $talk = $load->tell('talk inflight=2 seconds=0.3');

    cmp_ok($talk->{messages}, '>', 2, "$way, messages");

    # channels of 10, 10 and 5

    cmp_ok($talk->{deliveries}, '<=', $talk->{messages} * 9, "$way, to all");
    is($talk->{missing}, 0, "$way, nothing is missing");

    $talk = $load->tell('talk rate=2000 seconds=0.3 size=300');

    is($talk->{missing}, 0, "$way, nothing is missing at a rate");

    my $left = $load->tell('leave');

    is(join(' ', @{$left}{qw/ gone lost doubled late stray /}), '25 0 0 0 0',
        "$way, all is well");
}

# who comes and goes

my $load = load('ws', 8091);
my $churn = $load->tell('churn rate=500');

is($churn->{failed}, 0, 'all have come and gone');
is($churn->{joined}{count}, 25, 'all were in their channels');

# a server that makes mistakes

is(mistakes($t, 8092, 'lose=7')->{doubled}, 0, 'lost, none is doubled');
cmp_ok(mistakes($t, 8093, 'lose=7')->{lost}, '>', 0, 'lost');
cmp_ok(mistakes($t, 8094, 'double=7')->{doubled}, '>', 0, 'doubled');
is(mistakes($t, 8095, 'double=7')->{lost}, 0, 'doubled, none is lost');
cmp_ok(mistakes($t, 8096, 'swap=7')->{late}, '>', 0, 'late');

# nobody there

$load = load('raw', 8097);
is($load->tell('connect inflight=4')->{failed}, 25, 'nobody is connected');


sub load {
    my ($way, $port) = @_;
    my $one = Bench::Load->new($objs, $way, port($port));

    $one->tell('make users=25 nick=u rooms=10,5');

    return $one;
}


# counts of what came of talk through a server with a fault

sub mistakes {
    my ($t, $port, $fault) = @_;

    server($t, $port, $port + 10, $fault);

    my $one = load('raw', $port);

    $one->tell('connect inflight=8');
    $one->tell('talk rate=3000 seconds=0.5 patience=0.5');

    return $one->tell('leave');
}


sub server {
    my ($t, $irc, $ws, @faults) = @_;
    my @ports = map { port($_) } $irc, $ws;

    $t->run_daemon(sub {
        exec "$objs/bench/ircd", @ports, @faults or die "No server: $!\n";
    });

    $t->waitforsocket("127.0.0.1:$_") for @ports;

    return;
}
