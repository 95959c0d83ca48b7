package Bench::Load;

# The load (t/bench/load.c), a process that is told what to do.
#
#   my $load = Bench::Load->new($objs, @arguments);
#   my $figures = $load->tell('make users=100 nick=u rooms=100');
#       waits for the answer and returns it; dies when there is none, or when
#       it tells of a trouble that leaves no figures
#   $load->pid()
#   $load->end()

use warnings;
use strict;

use IPC::Open2;
use JSON::PP;


sub new {
    my ($class, $objs, @arguments) = @_;
    my ($out, $in);
    my $pid = open2($out, $in, "$objs/bench/load", @arguments);

    return bless { owner => $$, pid => $pid, in => $in, out => $out },
        $class;
}


sub pid { return $_[0]{pid} }


sub tell {
    my ($self, $command) = @_;

    local $SIG{PIPE} = 'IGNORE';

    syswrite $self->{in}, "$command\n";

    my $line = readline $self->{out};

    die "The load is gone at \"$command\"\n" if !defined $line;

    my $figures = decode_json($line);

    die "\"$command\": $figures->{trouble}\n"
        if 1 == keys %$figures && $figures->{trouble} ne '';

    return $figures;
}


sub end {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;

    close $self->{in};
    close $self->{out};
    waitpid($pid, 0);

    return;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $@, $!);
    kill 'TERM', $self->{pid} if $self->{pid};
    $self->end();

    return;
}


1;
