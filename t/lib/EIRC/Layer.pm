package EIRC::Layer;

# A socket layer that does what a test says, in place of irc-client: for what
# the real one never does.  For eirc_client unix:DIR.
#
#   my $layer = EIRC::Layer->start($dir, %opt);
#       index => 0
#       hello => [ $version, $index, $flags ]    what it greets with; or
#       hello => ''        nothing is said; any other string is sent as it is
#       answer => 'ready'  to USER; 'reset' for READY with that flag;
#                          'resumed', as if it was RESUME; or
#                          [ $reason, $text ] for REFUSED, or '' for none
#       vanish => 0        so many requests find no HELLO, and instead of an
#                          answer the end of file
#       id => '0-1'        the session's ID in READY
#       resume => { messages => 0, lines => N, gap => 0, nick => 'alice',
#           account => 'alice', replay => 65536 }
#                          to RESUME, lines as nginx has said them unless
#                          given; or [ $reason, $text ]; 'ready' or 'reset'
#                          for READY, or '' for none
#
#   $layer->set(%opt)      changes any of these from now on
#
#   What follows is about the session that came last.
#
#   $layer->record($type, $value, $count, $body, $flags)   sends a record
#   $layer->lines($count, @lines)   sends LINES, which begin with number
#                          $count
#   $layer->raw($bytes)    sends a packet as it is
#   $layer->hang_up()      closes the link
#   $layer->deaf(), $layer->listen()   stops and starts reading it
#   $layer->expect($type [, $timeout])   the next record of that type that
#                          came: { type, value, count, body }; or undef.
#                          Others before it are passed over.  Types are the
#                          names in docs/link.md, also: ACCEPT (a connection),
#                          EOF (the end of file)
#   $layer->next($timeout)   the next record of any type, with its name
#   $layer->forget()       passes over all that came so far
#   $layer->count($type)   how many of a type came so far
#   $layer->hang_up_all()  closes every connection, also the watches
#   $layer->hang_up_watches()   closes these alone
#   $layer->stop()         ends it
#
# The layer is a process of its own and ends with the object.

use warnings;
use strict;

use IO::Select;
use POSIX qw/ WNOHANG /;
use Storable qw/ nfreeze /;
use Socket qw/ AF_UNIX SOCK_SEQPACKET SOCK_STREAM PF_UNSPEC pack_sockaddr_un
    SOL_SOCKET SO_SNDBUF /;
use Time::HiRes qw/ time /;

my %types = (HELLO => 1, WATCH => 2, SESSION => 3, USER => 4, RESUME => 5,
    READY => 16, REFUSED => 17, LINES => 18, MESSAGE => 19, END => 20,
    DETACH => 21, CONFIRM => 22, RESUMED => 23, RESET => 24, SET => 253,
    EOF => 254, ACCEPT => 255);

our %REASONS = (QUIT => 1, CLOSED => 2, VIOLATION => 3, IRC_LOST => 4,
    IRC_REFUSED => 5, IRC_UNREACHABLE => 6, SHUTDOWN => 7, LIMIT => 8,
    FULL => 9, BAD_REQUEST => 10, FAILED => 11, SLOW => 12, GONE => 13,
    TAKEN => 14);


sub start {
    my ($class, $dir, %opt) = @_;
    my $index = $opt{index} || 0;
    my $path = "$dir/sockets.$index";

    mkdir $dir, 0700;
    unlink $path;

    socket(my $listen, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket(): $!\n";
    bind($listen, pack_sockaddr_un($path)) or die "bind() to $path: $!\n";
    listen($listen, 128) or die "listen(): $!\n";

    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC)
        or die "socketpair(): $!\n";

    my $pid = fork();

    die "Can't fork: $!\n" if !defined $pid;

    if ($pid == 0) {
        close $ours;
        $SIG{PIPE} = 'IGNORE';
        $SIG{TERM} = 'DEFAULT';

        eval {
            EIRC::Layer::Process->new($listen, $theirs, index => $index,
                %opt)->run();
            1;
        } or warn $@;

        POSIX::_exit(0);
    }

    close $theirs;
    close $listen;

    return bless {
        pid => $pid, socket => $ours, in => '', owner => $$,
        records => [], count => {},
    }, $class;
}


sub record {
    my ($self, $type, $value, $count, $body, $flags) = @_;

    return $self->raw(_record($type, $value, $count, $body, $flags));
}


sub lines {
    my ($self, $count, @lines) = @_;

    return $self->record('LINES', scalar @lines, $count,
        join '', map { entry($_) } @lines);
}


sub entry {
    my ($line) = @_;

    return length $line < 126 ? pack('CC', 0, length $line) . $line
        : pack('CCn', 0, 126, length $line) . $line;
}


sub raw { return $_[0]->_say('s', $_[1]) }
sub hang_up { return $_[0]->_say('c', '') }
sub hang_up_all { return $_[0]->_say('a', '') }
sub hang_up_watches { return $_[0]->_say('w', '') }
sub deaf { return $_[0]->_say('d', '') }
sub listen { return $_[0]->_say('l', '') }


# What comes to the layer later than this call is answered so.

sub set {
    my ($self, %opt) = @_;
    my $before = $self->count('SET');
    my $end = time() + 5;

    $self->_say('o', nfreeze(\%opt));

    while (($self->{count}{ $types{SET} } || 0) == $before) {
        $self->_fill($end) or die "The layer does not answer\n";
    }

    return $self;
}


sub expect {
    my ($self, $type, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : 5);

    for ( ;; ) {
        while (my $record = shift @{ $self->{records} }) {
            return $record if $record->{type} == $types{$type};
        }

        return undef if !$self->_fill($end);
    }
}


sub next {
    my ($self, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : 5);

    while (!@{ $self->{records} }) {
        $self->_fill($end) or return undef;
    }

    my $record = shift @{ $self->{records} };

    ($record->{name}) = grep { $types{$_} == $record->{type} } keys %types;

    return $record;
}


sub forget {
    my ($self) = @_;

    while ($self->_fill(0)) { }

    $self->{records} = [];

    return $self;
}


sub count {
    my ($self, $type) = @_;

    while ($self->_fill(0)) { }

    return $self->{count}{ $types{$type} } || 0;
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid};

    return $self if !$pid || $self->{owner} != $$;

    kill 'KILL', $pid;
    waitpid($pid, 0);

    return $self;
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $@, $!);
    $self->stop();

    return;
}


sub _say {
    my ($self, $what, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    syswrite($self->{socket}, $what . pack('N', length $bytes) . $bytes)
        or die "The layer has gone: $!\n";

    return $self;
}


sub _fill {
    my ($self, $end) = @_;
    my $left = $end ? $end - time() : 0;

    if (!IO::Select->new($self->{socket})->can_read($left > 0 ? $left : 0)) {
        return 0;
    }

    my $n = sysread($self->{socket}, $self->{in}, 65536,
        length $self->{in});
    return 0 if !$n;

    while (length $self->{in} >= 4) {
        my $length = unpack('N', $self->{in});
        last if length $self->{in} < 4 + $length;

        my $packet = substr($self->{in}, 0, 4 + $length, '');
        my ($type, $flags, $value, $count) = unpack('x4CCx2VQ<', $packet);

        $self->{count}{$type}++;
        push @{ $self->{records} }, { type => $type, flags => $flags,
            value => $value, count => $count, body => substr($packet, 20) };
    }

    return 1;
}


sub _record {
    my ($type, $value, $count, $body, $flags) = @_;

    return pack('CCx2VQ<', $types{$type}, $flags || 0, $value || 0,
        $count || 0) . (defined $body ? $body : '');
}


package EIRC::Layer::Process;

use Errno;
use IO::Select;
use Socket qw/ MSG_DONTWAIT /;
use Storable qw/ thaw /;

sub new {
    my ($class, $listen, $control, %opt) = @_;

    return bless { listen => $listen, control => $control, in => '',
        out => '', conns => {}, records => [], hello => [ 2, $opt{index}, 0 ],
        answer => 'ready', id => "$opt{index}-1", resume => {}, vanish => 0,
        watches => {}, %opt }, $class;
}


sub run {
    my ($self) = @_;

    for ( ;; ) {
        my @read = ($self->{listen}, $self->{control},
            grep { !($self->{deaf} && $_ == ($self->{session} || 0)) }
            values %{ $self->{conns} });
        my @write = length $self->{out} ? ($self->{control}) : ();

        push @write, $self->{session}
            if $self->{session} && @{ $self->{records} };

        my ($read, $write) = IO::Select->select(IO::Select->new(@read),
            IO::Select->new(@write));

        for my $s (@{ $write || [] }) {
            if ($s != $self->{control}) {
                $self->flush();
                next;
            }

            my $n = syswrite($s, $self->{out});
            return if !defined $n;
            substr($self->{out}, 0, $n, '');
        }

        for my $s (@{ $read || [] }) {
            if ($s == $self->{listen}) {
                $self->accept();

            } elsif ($s == $self->{control}) {
                $self->control() or return;

            } elsif (defined fileno $s) {
                $self->read($s);
            }
        }
    }
}


sub accept {
    my ($self) = @_;

    accept(my $s, $self->{listen}) or return;

    $self->{conns}{ fileno $s } = $s;
    $self->tell(EIRC::Layer::_record('ACCEPT'));

    my $hello = $self->{vanish} ? '' : $self->{hello};
    my $bytes = ref $hello
        ? EIRC::Layer::_record('HELLO', $hello->[0], $hello->[1], undef,
            $hello->[2])
        : $hello;

    send($s, $bytes, 0) if length $bytes;

    return;
}


sub control {
    my ($self) = @_;
    my $n = sysread($self->{control}, $self->{in}, 65536,
        length $self->{in});

    return 0 if !$n;

    while (length $self->{in} >= 5) {
        my ($what, $length) = unpack('aN', $self->{in});
        last if length $self->{in} < 5 + $length;

        my $bytes = substr(substr($self->{in}, 0, 5 + $length, ''), 5);

        $self->{deaf} = 1 if $what eq 'd';
        $self->{deaf} = 0 if $what eq 'l';

        if ($what eq 'a') {
            $self->drop($_) for values %{ $self->{conns} };
        }

        if ($what eq 'w') {
            $self->drop($_) for values %{ $self->{watches} };
        }

        if ($what eq 'o') {
            %$self = (%$self, %{ thaw($bytes) });
            $self->tell(EIRC::Layer::_record('SET'));
        }

        next if !$self->{session};

        push @{ $self->{records} }, $bytes if $what eq 's';
        push @{ $self->{records} }, undef if $what eq 'c';
        $self->flush();
    }

    return 1;
}


# records leave as fast as nginx takes them; undef hangs up

sub flush {
    my ($self) = @_;

    while (@{ $self->{records} } && $self->{session}) {
        my $bytes = $self->{records}[0];

        if (!defined $bytes) {
            shift @{ $self->{records} };
            $self->drop($self->{session});
            return;
        }

        if (!defined send($self->{session}, $bytes, MSG_DONTWAIT)) {
            return if $!{EAGAIN};
        }

        shift @{ $self->{records} };
    }

    return;
}


sub read {
    my ($self, $s) = @_;

    my $packet = '';

    recv($s, $packet, 70000, 0);

    if ($packet eq '') {
        $self->tell(EIRC::Layer::_record('EOF'));
        $self->drop($s);
        return;
    }

    $self->tell($packet);

    my $type = unpack('C', $packet);

    $self->{watches}{ fileno $s } = $s if $type == 2;

    if ($type == 3 || $type == 5) {
        $self->{session} = $s;
        $self->{records} = [];
    }

    if ($self->{vanish} && ($type == 4 || $type == 5)) {
        $self->{vanish}--;
        $self->drop($s);
        return;
    }

    $self->resume($s, $packet) if $type == 5;

    if ($type == 4) {
        my $answer = $self->{answer};

        if (ref $answer) {
            send($s, EIRC::Layer::_record('REFUSED', $answer->[0], 0,
                $answer->[1]), 0);

        } elsif ($answer eq 'ready' || $answer eq 'reset') {
            send($s, EIRC::Layer::_record('READY', 0, 0, $self->{id},
                $answer eq 'reset'), 0);

        } elsif ($answer eq 'resumed') {
            $self->resume($s, $packet);
        }
    }

    return;
}


sub resume {
    my ($self, $s, $packet) = @_;
    my $answer = $self->{resume};

    if (ref $answer eq 'ARRAY') {
        send($s, EIRC::Layer::_record('REFUSED', $answer->[0], 0,
            $answer->[1]), 0);

    } elsif ($answer eq 'ready' || $answer eq 'reset') {
        send($s, EIRC::Layer::_record('READY', 0, 0, $self->{id},
            $answer eq 'reset'), 0);

    } elsif (ref $answer) {
        my %r = (messages => 0, lines => unpack('x8Q<', $packet), gap => 0,
            nick => 'alice', account => 'alice', replay => 65536, %$answer);

        send($s, EIRC::Layer::_record('RESUMED', $r{replay}, $r{messages},
            pack('Q<C/a*', $r{lines}, $r{nick}) . $r{account}, $r{gap}), 0);
    }

    return;
}


sub drop {
    my ($self, $s) = @_;

    delete $self->{watches}{ fileno $s };
    delete $self->{conns}{ fileno $s };
    $self->{session} = undef if $self->{session} && $self->{session} == $s;
    close $s;

    return;
}


sub tell {
    my ($self, $packet) = @_;

    $self->{out} .= pack('N', length $packet) . $packet;

    return;
}


1;
