#!/usr/bin/perl

# Tests that every check named in docs/conformance.md exists.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

select STDERR; $| = 1;
select STDOUT; $| = 1;

my (%text, @checks);

open my $fh, '<', '../docs/conformance.md' or die "Can't open: $!\n";

while (my $row = <$fh>) {
    next if $row !~ /^\| (\S[^|]*?) \| .* \| (`.*) \|$/ || $1 eq 'clause';

    my $clause = $1;

    for my $part (split /; (?=`)/, $2) {
        my ($file, $names) = $part =~ /^`(.*?)`: (".*")$/;

        push @checks, [ $clause, $file || $part, $_ ]
            for defined $names ? $names =~ /"((?:\\"|[^"])+)"/g : 'no check';
    }
}

close $fh;

plan(tests => scalar @checks);

for my $check (@checks) {
    my ($clause, $file, $name) = @$check;

    $name =~ s/\\"/"/g;

    $text{$file} = flat($file) if !defined $text{$file};

    # it begins a string, unless it is the end of one or a piece of code

    my $before = $name =~ /^[A-Z0-9\/]/i && $name !~ /\(/ ? qr/['"]/ : qr//;

    ok($text{$file} =~ /$before\Q$name\E/, "$clause: $file, $name");
}


# a name may go over two lines of the source

sub flat {
    my ($file) = @_;

    open my $source, '<', $file or return '';
    local $/;

    return <$source> =~ s/['"]\s*\.\s*['"]//gr;
}
