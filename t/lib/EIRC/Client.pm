package EIRC::Client;

# An ordinary IRC client, for the far side of a test.
#
#   my $c = EIRC::Client->new($port, 'nick', %opt);
#       host => '127.0.0.1', username, realname, timeout => 5
#       register => 0      connects only, says nothing
#       Connects, registers and waits for the end of the MOTD; dies if that
#       doesn't come.
#
#   $c->send($line, ...)   sends lines, CR LF added
#   $c->send_raw($bytes)
#   $c->join($channel)     joins and waits for the list of names, returns it
#   $c->say($target, $text)
#   $c->expect(qr/.../ [, $timeout])   the next line that matches, or undef;
#                          lines before it are passed over
#   $c->read_line($timeout)   one line without CR LF, or undef
#   $c->lines()            all lines read so far
#   $c->quit()             QUIT, and waits for the end of the connection
#   $c->disconnect()       closes without a word
#   $c->closed(), $c->nick(), $c->fd(), $c->socket()
#
# PING is answered whenever lines are read.

use warnings;
use strict;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw/ time /;


sub new {
    my ($class, $port, $nick, %opt) = @_;
    my $timeout = $opt{timeout} || 5;

    my $s = IO::Socket::INET->new(Proto => 'tcp', PeerPort => $port,
        PeerAddr => $opt{host} || '127.0.0.1', Timeout => $timeout)
        or die "Can't connect to the IRC server on port $port: $!\n";

    $s->blocking(0);

    my $self = bless {
        socket => $s, nick => $nick, in => '', lines => [],
        timeout => $timeout,
    }, $class;

    if (!exists $opt{register} || $opt{register}) {
        my $username = $opt{username} || 'test';
        my $realname = $opt{realname} || $nick;

        $self->send("NICK $nick", "USER $username 0 * :$realname");
        $self->expect(qr/^\S+ (?:376|422) /)
            or die "Can't register $nick: " . join("\n", $self->lines())
                . "\n";
    }

    return $self;
}


sub lines { return @{ $_[0]{lines} } }
sub closed { return $_[0]{eof} ? 1 : 0 }
sub nick { return $_[0]{nick} }
sub socket { return $_[0]{socket} }
sub fd { return fileno $_[0]{socket} }


sub send {
    my ($self, @lines) = @_;
    return $self->send_raw(CORE::join('', map { "$_\x0d\x0a" } @lines));
}


sub send_raw {
    my ($self, $bytes) = @_;
    my $end = time() + $self->{timeout};
    my $select = IO::Select->new($self->{socket});

    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $left = $end - time();
        return 0 if $left <= 0 || !$select->can_write($left);

        my $n = syswrite($self->{socket}, $bytes);

        if (!defined $n) {
            next if $!{EINTR} || $!{EAGAIN};
            return 0;
        }

        substr($bytes, 0, $n, '');
    }

    return 1;
}


sub say {
    my ($self, $target, $text) = @_;
    return $self->send("PRIVMSG $target :$text");
}


sub join {
    my ($self, $channel) = @_;
    my @names;

    $self->send("JOIN $channel");

    while (defined(my $line = $self->read_line())) {
        push @names, split ' ', $1
            if $line =~ /^\S+ 353 \S+ \S+ \Q$channel\E :(.*)/i;
        return @names if $line =~ /^\S+ 366 \S+ \Q$channel\E /i;
    }

    die "$self->{nick} can't join $channel\n";
}


sub expect {
    my ($self, $re, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : $self->{timeout});

    for ( ;; ) {
        my $left = $end - time();
        my $line = $self->read_line($left > 0 ? $left : 0);

        return undef if !defined $line;
        return $line if $line =~ $re;
    }
}


sub read_line {
    my ($self, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : $self->{timeout});

    for ( ;; ) {
        if ($self->{in} =~ s/^([^\x0a]*)\x0a//) {
            my $line = $1;

            $line =~ s/\x0d\z//;
            $self->send("PONG $1") if $line =~ /^PING (.*)/;
            push @{ $self->{lines} }, $line;

            return $line;
        }

        my $left = $end - time();

        return undef if $self->{eof}
            || !IO::Select->new($self->{socket})
                ->can_read($left > 0 ? $left : 0);

        my $n = sysread($self->{socket}, $self->{in}, 65536,
            length $self->{in});

        if (!defined $n ? !($!{EINTR} || $!{EAGAIN}) : $n == 0) {
            $self->{eof} = 1;
        }
    }
}


sub quit {
    my ($self, $reason) = @_;

    $self->send('QUIT :' . (defined $reason ? $reason : 'bye'));
    while (defined $self->read_line()) { }
    $self->disconnect();

    return $self;
}


sub disconnect {
    my ($self) = @_;

    close $self->{socket};
    $self->{eof} = 1;

    return;
}


1;
