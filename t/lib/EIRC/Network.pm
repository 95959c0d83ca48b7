package EIRC::Network;

# A network between a browser and nginx that does what networks do: it breaks,
# or dies without a word.  Only WebSockets suffer from it, so that pages can be
# loaded all the time.
#
#   my $network = EIRC::Network->new($port);    leads to that port
#   $network->port()       where a browser finds it
#   $network->cut()        every connection is gone, none can be made
#   $network->mend()       they can be made again
#   $network->deafen()     what browsers send is lost, until the next cut
#   $network->lost()       how many bytes of that were, as soon as there is any
#   $network->mute()       what nginx sends is lost, until the next cut
#   $network->kill()       both, for the connections that there are; others
#                          are as they should be
#   $network->stop()
#
# Each answers when it is so.

use warnings;
use strict;

use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw/ AF_UNIX SOCK_STREAM PF_UNSPEC /;

my $patience = 20;

sub new {
    my ($class, $to) = @_;

    my $listen = IO::Socket::INET->new(Listen => 128, ReuseAddr => 1,
        LocalAddr => '127.0.0.1', LocalPort => 0) or die "socket: $!";

    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC)
        or die "socketpair: $!";

    my $self = bless { control => $ours, port => $listen->sockport(),
        owner => $$ }, $class;

    $self->{pid} = fork() // die "fork: $!";

    if ($self->{pid} == 0) {
        close($ours);
        eval { run($listen, $theirs, $to) };
        warn $@ if $@;
        POSIX::_exit(0);
    }

    $ours->autoflush(1);

    return $self;
}


sub port {
    return $_[0]{port};
}


sub cut { return $_[0]->ask('cut') }
sub mend { return $_[0]->ask('mend') }
sub deafen { return $_[0]->ask('deafen') }
sub mute { return $_[0]->ask('mute') }
sub kill { return $_[0]->ask('kill') }
sub lost { return $_[0]->ask('lost') }


sub ask {
    my ($self, $what) = @_;

    print { $self->{control} } "$what\n";

    IO::Select->new($self->{control})->can_read($patience)
        or die "the network doesn't answer to $what";

    return readline($self->{control});
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    close($self->{control});
    waitpid($pid, 0);
}


sub DESTROY {
    my ($self) = @_;

    local ($@, $?, $!);

    $self->stop() if $self->{owner} == $$;
}


# In the child, until the other end of the control socket is closed.

sub run {
    my ($listen, $control, $to) = @_;

    my %state = (cut => 0, lost => 0, asked => 0, pairs => {});
    my $select = IO::Select->new($listen, $control);

    $SIG{PIPE} = 'IGNORE';
    $control->autoflush(1);

    for ( ;; ) {
        foreach my $s ($select->can_read()) {
            if ($s == $listen) {
                accept_one($select, \%state, $listen, $to);

            } elsif ($s == $control) {
                my $what = readline($control) // return;

                chomp $what;
                obey($select, \%state, $what);

                # bytes that are to be lost may be still to come

                if ($what eq 'lost') {
                    $state{asked} = 1;
                } else {
                    print $control "done\n";
                }

            } elsif (defined $s->fileno()) {
                carry($select, \%state, $s);
            }

            if ($state{asked} && $state{lost}) {
                print $control "$state{lost}\n";
                @state{qw/ asked lost /} = (0, 0);
            }
        }
    }
}


sub accept_one {
    my ($select, $state, $listen, $to) = @_;

    my $browser = $listen->accept() or return;
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $to);

    return close($browser) unless $server;

    my $pair = { ends => [ $browser, $server ], chat => undef,
        deaf => 0, mute => 0 };

    $state->{pairs}{fileno $_} = $pair foreach $browser, $server;
    $select->add($browser, $server);
}


sub drop {
    my ($select, $state, $pair) = @_;

    foreach my $s (@{ $pair->{ends} }) {
        delete $state->{pairs}{fileno $s};
        $select->remove($s);
        close($s);
    }
}


sub obey {
    my ($select, $state, $what) = @_;

    my %seen;
    my @chats = grep { $_->{chat} && !$seen{$_}++ }
        values %{ $state->{pairs} };

    if ($what eq 'cut') {
        $state->{cut} = 1;
        drop($select, $state, $_) foreach @chats;

    } elsif ($what eq 'mend') {
        $state->{cut} = 0;

    } elsif ($what eq 'deafen' || $what eq 'mute' || $what eq 'kill') {
        foreach my $pair (@chats) {
            $pair->{deaf} = 1 if $what ne 'mute';
            $pair->{mute} = 1 if $what ne 'deafen';
        }
    }
}


# What one end has said goes to the other one, or nowhere.

sub carry {
    my ($select, $state, $s) = @_;

    my $pair = $state->{pairs}{fileno $s} or return;
    my ($browser, $server) = @{ $pair->{ends} };
    my $up = $s == $browser;
    my $n = sysread($s, my $bytes, 65536);

    # a dead network tells nobody of an end, either

    if (!$n && ($up ? $pair->{deaf} : $pair->{mute})) {
        return $select->remove($s);
    }

    return drop($select, $state, $pair) unless $n;

    if ($up && !defined $pair->{chat}) {
        $pair->{chat} = $bytes =~ m!^GET \S*/chat\?! ? 1 : 0;

        return drop($select, $state, $pair) if $pair->{chat} && $state->{cut};
    }

    if ($up ? $pair->{deaf} : $pair->{mute}) {
        $state->{lost} += $n if $up;
        return;
    }

    my $other = $up ? $server : $browser;

    while (length $bytes) {
        my $written = syswrite($other, $bytes);

        return drop($select, $state, $pair) unless $written;

        substr($bytes, 0, $written, '');
    }
}


1;
