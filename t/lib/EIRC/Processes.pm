package EIRC::Processes;

# What a test wants to know about processes that aren't its own children:
# the irc-clients that the module under test started.
#
#   irc_client()               path of the irc-client under test:
#                              $EIRC_CLIENT, or objs/irc-client
#   has_template()             is the irc-client under test one that looks for
#                              a template of its own?  Then there has to be one
#   objs()                     folder of what was built: $EIRC_OBJS, or objs
#   processes($dir [, %opt])   pids of the irc-clients that belong below
#                              $dir: it stands in their arguments, working
#                              directory, or in a socket's address that a
#                              process of theirs is bound or connected to
#       exe => $path           another binary than irc_client(); either way
#                              the template that belongs to it counts as well
#   wait_for($n, $seconds, $dir [, %opt])
#                              waits until there are exactly $n; returns how
#                              many there were at last
#   wait_for_end($pid, $seconds)   true when the process is gone in time
#   descriptors($pid)          how many descriptors the process has open
#   accepted($pid)             how many connections to UNIX sockets of its own
#                              it has open
#   pss($pid)                  its proportional share of memory in KB
#   children($pid)             pids of its children
#   title($pid)                its command line, as it shows it
#   remembers($pid, qr/../)    in how many places of what the process can write
#                              to there is such a thing; undef: can't be read
#   wait_until($seconds, $code)    true as soon as the code says so
#
# Everything is read from /proc, nothing is sent to anybody.

use warnings;
use strict;

use base qw/ Exporter /;

our @EXPORT = qw/ irc_client has_template objs processes wait_for wait_for_end descriptors
    accepted pss children title remembers wait_until /;

use Cwd qw/ abs_path /;
use Errno;
use File::Basename qw/ dirname /;
use File::Spec;
use Time::HiRes qw/ time /;

my $top = abs_path(dirname(__FILE__) . '/../../..');


sub objs {
    return File::Spec->rel2abs($ENV{EIRC_OBJS} || 'objs', $top);
}


sub irc_client {
    return $ENV{EIRC_CLIENT} || objs() . '/irc-client';
}


# With sanitizers, and with TEMPLATE=no, it has not the name to look for.

sub has_template {
    open my $fh, '<:raw', irc_client() or die irc_client() . ": $!\n";
    local $/;

    return <$fh> =~ /%s-template\0/;
}


sub processes {
    my ($dir, %opt) = @_;
    my $exe = abs_path($opt{exe} || irc_client());

    return () if !defined $exe;

    # a user's process may have no trace of the directory but its parent

    my (%parent, %ours);

    for my $pid (_pids()) {
        my $link = readlink "/proc/$pid/exe";
        my $hidden = !defined $link && $!{EACCES};

        next if !$hidden
            && (!defined $link || $link !~ /^\Q$exe\E(?:-template)?(?: \(deleted\))?$/);
        next if _state($pid) =~ /^[ZX]$/;

        # a user's process shows what it is to root alone

        $parent{$pid} = _parent($pid);
        $ours{$pid} = 1 if !$hidden && _belongs($pid, $dir);
    }

    my $more = 1;

    while ($more) {
        $more = 0;

        for my $pid (keys %parent) {
            next if $ours{$pid} || !$ours{ $parent{$pid} };
            $ours{$pid} = $more = 1;
        }
    }

    my @ours = sort { $a <=> $b } keys %ours;

    return @ours;
}


sub wait_for {
    my ($n, $seconds, $dir, %opt) = @_;
    my $have;

    wait_until($seconds, sub {
        $have = () = processes($dir, %opt);
        return $have == $n;
    });

    return $have;
}


sub wait_for_end {
    my ($pid, $seconds) = @_;

    return wait_until($seconds, sub { return _state($pid) =~ /^[ZX]?$/ });
}


sub wait_until {
    my ($seconds, $code) = @_;
    my $end = time() + $seconds;

    for ( ;; ) {
        return 1 if $code->();
        return 0 if time() > $end;
        select(undef, undef, undef, 0.02);
    }
}


sub descriptors {
    my ($pid) = @_;

    opendir my $dir, "/proc/$pid/fd" or return undef;

    return scalar grep { /^\d+$/ } readdir $dir;
}


sub accepted {
    my ($pid) = @_;
    my %named;

    # columns: flags (listening or not), inode, address

    for my $line (split /\n/, _read("/proc/$pid/net/unix")) {
        my @column = split ' ', $line;

        $named{ $column[6] } = 1 if @column > 7 && $column[3] eq '00000000';
    }

    return scalar grep { defined && /^socket:\[(\d+)\]$/ && $named{$1} }
        map { readlink } glob "/proc/$pid/fd/*";
}


sub pss {
    my ($pid) = @_;

    return _read("/proc/$pid/smaps_rollup") =~ /^Pss:\s+(\d+) kB/m
        ? $1 : undef;
}


sub children {
    my ($pid) = @_;

    my @children = sort { $a <=> $b } grep { _parent($_) == $pid } _pids();

    return @children;
}


sub title {
    my ($pid) = @_;
    my $title = _read("/proc/$pid/cmdline");

    $title =~ s/\0+\z//;
    $title =~ s/\0/ /g;

    return $title;
}


sub remembers {
    my ($pid, $re) = @_;
    my $found = 0;

    no warnings 'portable';

    open my $maps, '<', "/proc/$pid/maps" or return undef;
    open my $mem, '<', "/proc/$pid/mem" or return undef;
    binmode $mem;

    while (<$maps>) {
        my ($from, $to) = /^(\w+)-(\w+) rw/ or next;
        my $bytes;

        # a sanitizer has terabytes of its own

        next if hex($to) - hex $from > 1 << 28;

        sysseek($mem, hex $from, 0);
        sysread($mem, $bytes, hex($to) - hex $from) or next;
        $found++ if $bytes =~ $re;
    }

    return $found;
}


sub _belongs {
    my ($pid, $dir) = @_;
    my $cwd = readlink "/proc/$pid/cwd";

    return 1 if defined $cwd && $cwd =~ m!^\Q$dir\E(?:/|$)!;
    return 1 if _read("/proc/$pid/cmdline") =~ /\Q$dir\E/;

    # addresses of its UNIX sockets: column 7 is the inode, 8 the address

    my %inode;

    for my $line (split /\n/, _read("/proc/$pid/net/unix")) {
        my @column = split ' ', $line;
        next if @column < 8 || $column[7] !~ /^\Q$dir\E/;
        $inode{ $column[6] } = 1;
    }

    return 0 if !%inode;

    for my $fd (glob "/proc/$pid/fd/*") {
        my $link = readlink $fd;
        next if !defined $link || $link !~ /^socket:\[(\d+)\]$/;
        return 1 if $inode{$1};
    }

    return 0;
}


sub _pids {
    opendir my $dir, '/proc' or return ();

    return grep { /^\d+$/ } readdir $dir;
}


sub _state {
    my ($pid) = @_;

    return _read("/proc/$pid/stat") =~ /\) (\S)/ ? $1 : '';
}


sub _parent {
    my ($pid) = @_;

    return _read("/proc/$pid/stat") =~ /.*\) \S (\d+)/s ? $1 : 0;
}


sub _read {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;
    my $text = <$fh>;

    return defined $text ? $text : '';
}


1;
