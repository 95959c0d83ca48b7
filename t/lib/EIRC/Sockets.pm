package EIRC::Sockets;

# A socket layer started by hand, without nginx, and connections to it that
# speak the link (docs/link.md).
#
#   my $layer = EIRC::Sockets->new($t, %opt);
#       index => K             default 0
#       log => TARGET          default: eirc.log in the test's directory
#       args => [...]          more arguments
#       nofile => N            its limit of descriptors
#       exe => PATH            default: irc_client()
#       command => [...]       the whole command, in place of all of these but
#                              index
#   $layer->start()            starts it and waits until it can be reached
#   $layer->pid(), $layer->dir(), $layer->path()
#   $layer->wait_for_exit($seconds)   its exit status, or undef
#   $layer->log(), $layer->wait_for_log(qr/../, $seconds)
#   $layer->helper('template')        pid of a process of its own
#   $layer->workers()          pids of all others that are its children
#   $layer->slay()             SIGKILL
#   $layer->again()            starts it in place of one that is dead
#   $layer->stop()             SIGTERM, and the exit status
#   $layer->upgrade()          by the command; its exit status, and what it said
#
#   my $peer = $layer->peer();        a connection; HELLO not yet read
#   my $peer = $layer->watch();       ... that watches
#   my $peer = $layer->session(%opt); ... that has asked for a session:
#       account, servers => [ [ $host, $port, $flags ], ... ], limit, replay,
#       linger, mode => 0, key => its hash, tls => bytes of TLS,
#       user => JSON of the user object, or undef: no USER is sent;
#       early => 1: HELLO is not waited for
#
#   my $peer = $layer->resume($id, %opt);   ... that wants that one back:
#       lines, key, next => hashes, mode, cpu, version, early
#
#   $peer->send($type, %opt)   a record: flags, value, count, body
#   $peer->send_raw($bytes)    a packet
#   $peer->recv($seconds)      the next record, { type, flags, value, count,
#                              body }; { eof => 1 }, { error => ... }, or
#                              undef: nothing in time
#   $peer->recv_type($type, $seconds)   ... of that type, or the end
#   $peer->lines($seconds, qr/../)      all lines up to one that matches
#   $peer->lines_once($seconds, qr/../) ... without those that it had already
#   $peer->close()

use warnings;
use strict;

use base qw/ Exporter /;

our @EXPORT = qw/ HELLO WATCH SESSION USER RESUME READY REFUSED LINES
    MESSAGE ENDED DETACH CONFIRM RESUMED RESET session_record /;

use constant {
    HELLO => 1, WATCH => 2, SESSION => 3, USER => 4, RESUME => 5, READY => 16,
    REFUSED => 17, LINES => 18, MESSAGE => 19, ENDED => 20, DETACH => 21,
    CONFIRM => 22, RESUMED => 23, RESET => 24,
};

use POSIX qw/ WNOHANG /;
use Socket;

use EIRC::Processes;


sub new {
    my ($class, $t, %opt) = @_;
    my $dir = $opt{dir} || $t->testdir() . '/run';

    mkdir $dir, 0700 if !-d $dir;

    return bless {
        index => 0, log => $t->testdir() . '/eirc.log', %opt, dir => $dir,
        owner => $$,
    }, $class;
}


sub start {
    my ($self) = @_;

    $self->spawn();

    wait_until(5, sub { -S $self->path() })
        or die "No socket layer: " . $self->log() . "\n";

    return $self;
}


sub spawn {
    my ($self) = @_;
    my @args = ('--sockets', "--run-path=$self->{dir}",
        "--index=$self->{index}", "--log=$self->{log}",
        @{ $self->{args} || [] });
    my $exe = $self->{exe} || irc_client();

    ($exe, @args) = @{ $self->{command} } if $self->{command};

    $self->{pid} = fork();
    die "Can't fork: $!\n" if !defined $self->{pid};

    if (!$self->{pid}) {
        open STDIN, '<', '/dev/null';

        if ($self->{nofile}) {
            exec 'sh', '-c', "ulimit -n $self->{nofile} && exec \"\$@\"", 'sh',
                $exe, @args;
        }

        exec { $exe } $exe, @args or POSIX::_exit(127);
    }

    return $self;
}


# There is a socket left over: somebody has to answer on it.

sub again {
    my ($self) = @_;

    $self->spawn();

    wait_until(5, sub {
        my $peer = $self->peer() or return 0;
        my $hello = $peer->recv(5);
        return $hello && $hello->{type};
    }) or die "No socket layer: " . $self->log() . "\n";

    return $self;
}


sub slay {
    my ($self) = @_;

    kill 'KILL', $self->{pid};

    return $self->wait_for_exit(5);
}


sub pid { return $_[0]{pid} }
sub dir { return $_[0]{dir} }
sub path { return "$_[0]{dir}/sockets.$_[0]{index}" }


sub wait_for_exit {
    my ($self, $seconds) = @_;
    my $status;

    return undef if !$self->{pid};

    wait_until($seconds, sub {
        return 0 if waitpid($self->{pid}, WNOHANG) != $self->{pid};
        $status = $?;
        return 1;
    }) or return undef;

    $self->{pid} = 0;

    return $status;
}


sub stop {
    my ($self) = @_;

    return undef if !$self->{pid};

    kill 'TERM', $self->{pid};

    return $self->wait_for_exit(15);
}


sub upgrade {
    my ($self) = @_;

    my $pid = open(my $out, '-|');
    die "Can't fork: $!\n" if !defined $pid;

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec { irc_client() } irc_client(), '--sockets', '--upgrade',
            "--run-path=$self->{dir}", "--index=$self->{index}"
            or POSIX::_exit(127);
    }

    my $said = do { local $/; <$out> };

    close $out;

    return ($?, defined $said ? $said : '');
}


sub DESTROY {
    my ($self) = @_;

    return if !$self->{pid} || $self->{owner} != $$;

    local ($?, $@, $!);

    kill 'TERM', $self->{pid};

    if (!defined $self->wait_for_exit(3)) {
        kill 'KILL', $self->workers(), $self->{pid};
        waitpid($self->{pid}, 0);
    }

    return;
}


sub log {
    my ($self) = @_;

    open my $fh, '<', $self->{log} or return '';
    local $/;

    return scalar <$fh>;
}


sub wait_for_log {
    my ($self, $re, $seconds) = @_;

    return wait_until($seconds, sub { $self->log() =~ $re });
}


sub helper {
    my ($self, $name) = @_;

    return (grep { title($_) eq "irc-client: $name" }
        children($self->{pid}))[0];
}


sub workers {
    my ($self) = @_;

    return grep { title($_) !~ /^irc-client: (?:template|connect|relay)$/ }
        children($self->{pid});
}


sub peer {
    my ($self) = @_;

    socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die "socket(): $!\n";
    connect($s, pack_sockaddr_un($self->path())) or return undef;

    return bless { socket => $s }, 'EIRC::Sockets::Peer';
}


sub watch {
    my ($self) = @_;
    my $peer = $self->peer() or return undef;

    $peer->recv(5);
    $peer->send(WATCH, value => 2);

    return $peer;
}


sub session {
    my ($self, %opt) = @_;
    my $peer = $self->peer() or return undef;

    $peer->recv(5) if !$opt{early};
    $peer->send_raw(session_record(%opt));

    my $user = exists $opt{user} ? $opt{user} : '{"nick":"alice"}';

    $peer->send(USER, body => '{"user":' . $user . ',"address":"127.0.0.1",'
        . '"port":1,"secure":false,"mode":"eirc","flood_rate":0,'
        . '"flood_burst":1}') if defined $user;

    return $peer;
}


sub resume {
    my ($self, $id, %opt) = @_;
    my $peer = $self->peer() or return undef;

    %opt = (lines => 0, key => '', next => '', mode => 0, cpu => 0xffffffff,
        version => 2, %opt);

    $peer->recv(5) if !$opt{early};
    $peer->send(RESUME, value => $opt{version}, count => $opt{lines},
        body => pack('a32a32a32CxxxV', $id, @opt{qw/ key next mode cpu /}));

    return $peer;
}


# The whole record; what is given in %opt goes in as it is.

sub session_record {
    my (%opt) = @_;

    my $servers = defined $opt{raw_servers} ? $opt{raw_servers} : join('',
        map { pack('CCv', $_->[2] || 0, length $_->[0], $_->[1]) . $_->[0] }
            @{ $opt{servers} || [ [ '127.0.0.1', 1 ] ] });
    my $account = defined $opt{account} ? $opt{account} : 'alice';

    %opt = (type => SESSION, flags => 0, zero => 0, value => 2, count => 0,
        limit => 0, replay => 65536, linger => 0, crash_limit => 3,
        crash_time => 60000, cpu => 0xffffffff,
        account_len => length $account, servers_len => length $servers,
        tls => '', mode => 0, key => '', %opt);
    $opt{resumable} = length $opt{key} ? 1 : 0 if !defined $opt{resumable};

    return pack('CCvVQ<', @opt{qw/ type flags zero value count /})
        . pack('V6v3C2', @opt{qw/ limit replay linger crash_limit crash_time
            cpu account_len servers_len /}, length $opt{tls},
            @opt{qw/ mode resumable /})
        . pack('a64a32', $account, $opt{key}) . $servers . $opt{tls};
}


package EIRC::Sockets::Peer;

use IO::Select;
use Socket;


sub send {
    my ($self, $type, %opt) = @_;

    return $self->send_raw(pack('CCvVQ<', $type, $opt{flags} || 0,
        $opt{zero} || 0, $opt{value} || 0, $opt{count} || 0)
        . (defined $opt{body} ? $opt{body} : ''));
}


sub send_raw {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';

    return CORE::send($self->{socket}, $bytes, 0);
}


sub recv {
    my ($self, $seconds) = @_;

    return undef if !IO::Select->new($self->{socket})->can_read($seconds);

    my $rc = CORE::recv($self->{socket}, my $bytes, 131072, 0);

    return { error => "$!" } if !defined $rc;
    return { eof => 1 } if $bytes eq '';

    my ($type, $flags, $zero, $value, $count) = unpack 'CCvVQ<', $bytes;

    return { type => $type, flags => $flags, value => $value,
        count => $count, body => substr($bytes, 16) };
}


sub recv_type {
    my ($self, $type, $seconds) = @_;

    while (my $record = $self->recv($seconds)) {
        return $record if $record->{eof} || $record->{error}
            || $record->{type} == $type;
    }

    return undef;
}


sub lines {
    my ($self, @args) = @_;

    return $self->_lines(0, @args);
}


sub lines_once {
    my ($self, @args) = @_;

    return $self->_lines(1, @args);
}


sub _lines {
    my ($self, $once, $seconds, $re) = @_;
    my @lines;

    while (my $record = $self->recv($seconds)) {
        last if $record->{eof} || $record->{error};
        next if $record->{type} != EIRC::Sockets::LINES();

        my $body = $record->{body};
        my $number = $record->{count};

        $self->{lines} = $number if !defined $self->{lines};

        while (length $body) {
            my (undef, $len) = unpack 'CC', $body;
            my $head = 2;

            if ($len == 126) {
                $len = unpack 'x2n', $body;
                $head = 4;
            }

            if (!$once || $number == $self->{lines}) {
                push @lines, substr($body, $head, $len);
                $self->{lines}++;
            }

            $number++;

            $body = substr($body, $head + $len);
        }

        last if grep { $_ =~ $re } @lines;
    }

    return @lines;
}


sub close {
    my ($self) = @_;

    close $self->{socket};

    return;
}


1;
