package EIRC::Alone;

# irc-client standing alone, and the program that talks to it.
#
#   my $client = EIRC::Alone->start($t, %opt);
#       port => N          of the IRC server
#       nick => 'alice', realname, channels => 'a,b', instance
#       args => [...]      in place of all of these
#       tls => 1           ... but the instance
#       connect => 0       nobody connects to its socket yet
#   $client->connect()     connects to the socket
#   $client->path(), $client->log(), $client->pid(), $client->errors()
#
#   $client->send(@lines)  lines, LF added; $client->send_raw($bytes)
#   $client->expect(qr/../ [, $seconds])   the next line that matches
#   $client->lines()       all lines so far, without LF
#   $client->rest([$seconds])   lines up to the end of file, or undef
#   $client->hang_up()     closes the socket
#   $client->wait_for_exit([$seconds])     its exit status, or undef

use warnings;
use strict;

use IO::Select;
use IO::Socket::UNIX;
use POSIX qw/ WNOHANG /;
use Time::HiRes qw/ time /;

use EIRC::Processes;

my $count = 0;


sub start {
    my ($class, $t, %opt) = @_;
    my $dir = $t->testdir();
    my $instance = defined $opt{instance} ? $opt{instance}
        : 'test' . ++$count;
    my @args = ("--server=127.0.0.1", "--listen=$dir", "--log=$dir",
        "--instance=$instance", '--nick=' . ($opt{nick} || 'alice'));

    push @args, "--port=$opt{port}" if defined $opt{port};
    push @args, "--realname=$opt{realname}" if defined $opt{realname};
    push @args, "--channels=$opt{channels}" if defined $opt{channels};
    @args = (@{ $opt{args} }, $opt{tls} ? "--instance=$instance" : ())
        if $opt{args};

    my $self = bless {
        owner => $$, in => '', lines => [], errors => "$dir/errors." . ++$count,
        path => "$dir/irc-client-$instance.sock",
        log => "$dir/irc-client-$instance.log",
    }, $class;

    $self->{pid} = fork();
    die "Can't fork: $!\n" if !defined $self->{pid};

    if (!$self->{pid}) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', $self->{errors};
        chdir $dir;
        exec { irc_client() } irc_client(), @args or POSIX::_exit(127);
    }

    return $self if exists $opt{connect} && !$opt{connect};
    return $self->connect();
}


sub path { return $_[0]{path} }
sub pid { return $_[0]{pid} }
sub lines { return @{ $_[0]{lines} } }
sub log { return _read($_[0]{log}) }
sub errors { return _read($_[0]{errors}) }


sub connect {
    my ($self) = @_;

    wait_until(5, sub {
        $self->{socket} = IO::Socket::UNIX->new(Peer => $self->{path});
    }) or die "No irc-client: " . $self->errors() . "\n";

    return $self;
}


sub send {
    my ($self, @lines) = @_;
    return $self->send_raw(join '', map { "$_\n" } @lines);
}


sub send_raw {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $n = syswrite($self->{socket}, $bytes);
        return 0 if !defined $n;
        substr($bytes, 0, $n, '');
    }

    return 1;
}


sub expect {
    my ($self, $re, $seconds) = @_;
    my $end = time() + (defined $seconds ? $seconds : 5);

    while (defined(my $line = $self->_line($end))) {
        return $line if $line =~ $re;
    }

    return undef;
}


sub rest {
    my ($self, $seconds) = @_;
    my $end = time() + (defined $seconds ? $seconds : 5);
    my @lines;

    while (defined(my $line = $self->_line($end))) {
        push @lines, $line;
    }

    return $self->{eof} ? \@lines : undef;
}


sub _line {
    my ($self, $end) = @_;

    for ( ;; ) {
        if ($self->{in} =~ s/^([^\x0a]*)\x0a//) {
            my $line = $1;
            push @{ $self->{lines} }, $line;
            return $line;
        }

        my $left = $end - time();

        return undef if $self->{eof} || $left <= 0
            || !IO::Select->new($self->{socket})->can_read($left);

        $self->{eof} = !sysread($self->{socket}, $self->{in}, 65536,
            length $self->{in});
    }
}


sub hang_up {
    my ($self) = @_;

    close $self->{socket};
    $self->{eof} = 1;

    return $self;
}


sub wait_for_exit {
    my ($self, $seconds) = @_;
    my $status;

    wait_until(defined $seconds ? $seconds : 5, sub {
        return 0 if waitpid($self->{pid}, WNOHANG) != $self->{pid};
        $status = $?;
        return 1;
    }) or return undef;

    $self->{pid} = 0;

    return $status & 127 ? "signal " . ($status & 127) : $status >> 8;
}


sub DESTROY {
    my ($self) = @_;

    return if !$self->{pid} || $self->{owner} != $$;

    local ($?, $@, $!);

    kill 'KILL', $self->{pid};
    waitpid($self->{pid}, 0);

    return;
}


sub _read {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;
    my $text = <$fh>;

    return defined $text ? $text : '';
}


1;
