#!/usr/bin/perl

# Runs vectors of others (t/vectors/*.json, where each says whose they are)
# against src/lib, by the program that is there for that.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use EIRC::Processes qw/ objs /;

use IPC::Open2;
use JSON::PP;

my $json = JSON::PP->new()->utf8()->canonical();
my ($from, $to);
my $pid = open2($from, $to, objs() . '/vectors');

my %check = (
    'msg-split' => \&msg_split,
    'msg-join' => \&msg_join,
    'userhost-split' => \&userhost_split,
    'mask-match' => \&mask_match,
);

for my $op (sort keys %check) {
    my $vectors = $json->decode(content("vectors/$op.json"));

    ok(@{ $vectors->{tests} } > 0 && $vectors->{source}, "$op, from "
        . $vectors->{source});
    $check{$op}->($_) for @{ $vectors->{tests} };
}

# what can't be done

is_deeply(ask('{'), { error => 'no JSON' }, 'no JSON');
is_deeply(ask('[]'), { error => 'no such operation' }, 'no operation');
is_deeply(ask({ op => 'fly' }), { error => 'no such operation' }, 'another');
is_deeply(ask({ op => 'msg-split', input => "a\r\nb" }),
    { error => 'no line' }, 'two lines');
is_deeply(ask({ op => 'msg-join', atoms => { verb => 'a', params => [ '', 'b' ] } }),
    { error => 'no line can be made of it' }, 'an empty parameter in front');
is_deeply(ask({ op => 'mask-match', mask => '{A', text => '[a' }),
    { matches => JSON::PP::true }, 'casemapping of RFC 1459');
is_deeply(ask({ op => 'mask-match', mask => '{A', text => '[a',
    casemapping => 'ascii' }), { matches => JSON::PP::false }, 'of ASCII');

close $to;
waitpid $pid, 0;
is($?, 0, 'its end');

done_testing();


sub content {
    my ($file) = @_;

    open my $fh, '<', $file or die "Can't open $file: $!\n";
    local $/;

    return scalar <$fh>;
}


sub ask {
    my ($request) = @_;

    print $to ref $request ? $json->encode($request) : $request, "\n";
    $to->flush();

    return $json->decode(scalar <$from>);
}


sub msg_split {
    my ($test) = @_;

    is_deeply(ask({ op => 'msg-split', input => $test->{input} }),
        { atoms => $test->{atoms} }, "msg-split: $test->{input}");
}


sub msg_join {
    my ($test) = @_;
    my $line = ask({ op => 'msg-join', atoms => $test->{atoms} })->{line};

    ok(scalar(grep { $_ eq ($line // '') } @{ $test->{matches} }),
        "msg-join: $test->{desc}") or diag($line // 'no line');
}


sub userhost_split {
    my ($test) = @_;

    is_deeply(ask({ op => 'userhost-split', source => $test->{source} }),
        { atoms => $test->{atoms} }, "userhost-split: $test->{source}");
}


sub mask_match {
    my ($test) = @_;
    my @matches = @{ $test->{matches} };

    for my $text (@matches, @{ $test->{fails} }) {
        my $wanted = scalar grep { $_ eq $text } @matches;
        my $reply = ask({ op => 'mask-match', mask => $test->{mask},
            text => $text });

        is($reply->{matches}, $wanted ? JSON::PP::true : JSON::PP::false,
            "mask-match: $test->{mask} and $text");
    }
}
