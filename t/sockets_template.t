#!/usr/bin/perl

# Tests for the template's own program: it is used where it lies beside
# irc-client and is of the same build; else irc-client does without, and says
# so.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::Sockets;

use File::Copy qw/ copy /;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $built = irc_client() . '-template';

plan(skip_all => 'built without a template of its own') if !has_template();
plan(skip_all => 'root alone may look') if $> != 0;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '')->plan(38);
my $dir = $t->testdir();
my $exe = "$dir/irc-client";
my $index = 0;

my $irc = EIRC::IRCServer->new($t, port => 8081);
$t->run_daemon($irc->code());
$irc->wait();

my @servers = ([ '127.0.0.1', $irc->port() ]);

install(irc_client(), $exe);

# beside it, also by a link to irc-client

install($built, "$exe-template");
mkdir "$dir/bin";
symlink $exe, "$dir/bin/irc";

runs($t, "$exe-template", '', 'beside it');
$exe = "$dir/bin/irc";
runs($t, "$dir/irc-client-template", '', 'beside what a link leads to');

# not there, of another build, no program

$exe = "$dir/irc-client";

unlink "$exe-template";
runs($t, $exe, "it can't be opened", 'missing');

my $file = do { local (@ARGV, $/) = $built; <> };

$file =~ s/(eIRC build )(\w)/$1 . ($2 eq '0' ? '1' : '0')/e;
program($file);
runs($t, $exe, 'it is of another build', 'of another build');

chmod 0644, "$exe-template";
runs($t, $exe, 'it is no program', 'that can\'t be executed');

# by itself it does nothing

my $said = `$built 2>&1`;
is($?, 1 << 8, 'started by hand');
like($said, qr/^irc-client-template: irc-client starts it/, '... and why not');


# What a process executes nobody can write to, and where it lies in a copy
# (Linux 6.11) that is in huge pages.

sub text_ok {
    my ($pid) = @_;
    my ($at, %text);

    open my $fh, '<', "/proc/$pid/smaps" or die "smaps: $!";

    while (my $line = <$fh>) {

        if ($line =~ /^[0-9a-f]+-[0-9a-f]+ (\S+) (.*)/) {
            my ($flags, $what) = ($1, $2);
            $at = $flags =~ /x/ ? $what : undef;
            $text{$at} = { flags => $flags } if defined $at;

        } elsif (defined $at && $line =~ /^(\w+):\s+(\d+) kB/) {
            $text{$at}{$1} = $2;
        }
    }

    my ($copy) = grep { m!/memfd:text! } keys %text;

    ok(scalar(grep { !/\[v/ } keys %text), 'what a process executes');
    is(scalar(grep { $_->{flags} =~ /w/ } values %text), 0,
        '... is not written to');
    ok(!$copy || $text{$copy}{ShmemPmdMapped} == $text{$copy}{Size},
        '... and in huge pages, if it is a copy');
    diag($copy ? 'text in huge pages' : 'text as it is');

    return;
}


# Data, heap, stack and segment are within 2 MB, and so in one page table, or,
# before Linux 6.11, in two.

sub near_ok {
    my ($pid) = @_;
    my (%at, @written);

    no warnings 'portable';

    open my $fh, '<', "/proc/$pid/maps" or die "maps: $!";

    while (my $line = <$fh>) {
        my ($start, $flags, $what)
            = $line =~ /^([0-9a-f]+)-\S+ (\S+) \S+ \S+ \S+\s*(.*)/ or next;

        $at{heap} = 1 if $what eq '[heap]';
        $at{data} = hex($start) if $what =~ /-template/;
        $at{segment} = hex($start) if $what =~ m!/memfd:segment!;
        push @written, hex($start) if $flags =~ /w/;
    }

    open $fh, '<', "/proc/$pid/syscall" or die "syscall: $!";
    my ($sp) = (split ' ', <$fh>)[-2];

    ok(!$at{heap}, 'memory of malloc()');
    cmp_ok(abs($at{segment} - $at{data}), '<', 2 << 20,
        'a segment near the data');
    cmp_ok(abs(hex($sp) - $at{data}), '<', 2 << 20, 'a stack near the data');
    is(scalar(grep { abs($_ - $at{data}) >= 2 << 20 } @written), 0,
        'nothing that is written to is far away');
    is(scalar @written, 3, '... and all of it is data, stack and segment');
    is(title($pid), 'irc-client: alice', 'its title');

    return;
}


# What is nested as deep as JSON may be has room on the stack.

sub depth_ok {
    my ($layer) = @_;
    my %reads;

    for my $depth (2000, 3000) {
        my $deep = '[' x $depth . ']' x $depth;
        my $peer = $layer->session(servers => \@servers,
            account => "deep$depth",
            user => "{\"nick\":\"alice\",\"deep\":$deep}");

        $reads{$depth} = $peer->recv(5);
        $peer->close();
    }

    is($reads{2000}{type}, READY, 'JSON with 2,000 levels');
    is($reads{3000}{type}, REFUSED, 'JSON with 3,000 levels');
    unlike($layer->log(), qr/exited on signal/, 'no process died of it');

    return;
}


# Four tests, one more for a reason, and thirteen with the first.

sub runs {
    my ($t, $expect, $why, $name) = @_;
    my $layer = EIRC::Sockets->new($t, index => $index, exe => $exe,
        log => "$dir/$index.log")->start();
    my $watch = $layer->watch();
    my $template;

    ok(wait_until(5, sub { $template = $layer->helper('template') }), $name);
    is(readlink "/proc/$template/exe", $expect, "$name: what runs");

    my $session = $layer->session(servers => \@servers);

    ok((grep { / 001 alice / } $session->lines(5, qr/ (?:376|422) /)),
        "$name: a session");

    if ($name eq 'beside it') {
        cmp_ok(own(($layer->workers())[0]), '<=', 40,
            'memory that a process has of its own');
        text_ok(($layer->workers())[0]);
        near_ok(($layer->workers())[0]);
        depth_ok($layer);
    }

    my @warn = grep { /irc-client-template/ } $layer->log() =~ /\[warn\].*/g;

    is(scalar @warn, $why eq '' ? 0 : 1, "$name: warnings");
    like($warn[0], qr/irc-client-template is not used: \Q$why\E; /,
        "$name: why") if $why ne '';

    $session->close();
    $layer->stop();
    $index++;
}


# KB that the process shares with nobody

sub own {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/smaps_rollup" or return undef;
    my ($own) = map { /^Private_Dirty:\s+(\d+)/ ? $1 : () } <$fh>;

    return $own;
}


sub install {
    my ($from, $to) = @_;

    copy($from, $to) or die "copy: $!\n";
    chmod 0755, $to;
}


sub program {
    my ($content) = @_;

    open my $fh, '>', "$exe-template" or die "$exe-template: $!\n";
    binmode $fh;
    print $fh $content;
    close $fh or die "$exe-template: $!\n";
    chmod 0755, "$exe-template";
}
