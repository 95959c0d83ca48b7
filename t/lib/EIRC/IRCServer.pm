package EIRC::IRCServer;

# A scripted IRC server: does what a real one does too rarely to be tested.
#
#   my $server = EIRC::IRCServer->new($t, %opt);
#   $t->run_daemon($server->code());       # a child process
#   $server->wait();                       # until it takes connections
#
#       port => 8081           the name of its port (see port())
#       nicks_in_use => [...]  are answered with 433
#       nomotd => 1            422 in place of 375, 372, 376
#       silent => 1            reads, and never says a word
#       refuse => $text        ERROR :$text at once, and the end
#       close_after => $n      ends a connection after its $n-th line
#       slow => $seconds       waits before each answer
#       no_pong => 1           doesn't answer PING
#       isupport => '...'      tokens of 005
#       ping => 1              a PING before 001; no answer, no 001
#       greeting => $bytes     raw bytes after the MOTD
#       raw => { '!word' => $bytes }   sent as they are when a PRIVMSG's text
#                              begins with that word: what isn't UTF-8, lines
#                              too long, half a line
#       on_line => sub { my ($server, $conn, $line) = @_; ... }
#                              asked first, in the child, for every line;
#                              true: the line is dealt with
#
#   For on_line:  $server->reply($conn, @lines)   lines, CR LF added
#                 $server->raw($conn, $bytes)     bytes as they are
#                 $server->hangup($conn)          ends the connection
#                 $conn->{nick}, $conn->{user}, $conn->{id} (1, 2, ...)
#
#   In the test:
#   $server->port()            the real port
#   $server->received([$id])   lines that it got, of one connection or of all
#   $server->wait_for(qr/../, $seconds [, $id])   waits for such a line among
#                              the received; returns it, or undef
#   $server->connections()     how many said at least one line
#   $server->ended($id), $server->wait_for_end($id, $seconds)
#
# By default it registers a client (001-005, 375, 372, 376), takes any PASS and
# WEBIRC, answers PING, JOIN, PART, NAMES, WHOIS, QUIT and CAP LS, and passes PRIVMSG and NOTICE to
# everybody else in the channel or to the nick.  A connection that says
# nothing leaves no trace.

use warnings;
use strict;

use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw/ sleep /;

use Test::Nginx ();
use EIRC::Processes qw/ wait_until /;

my $name = 'irc.scripted';
my $count = 0;


sub new {
    my ($class, $t, %opt) = @_;

    my $self = bless {
        %opt, port => Test::Nginx::port($opt{port} || 8081),
        log => $t->testdir() . '/irc-server-' . ++$count . '.log',
    }, $class;

    open my $fh, '>', $self->{log} or die "Can't open $self->{log}: $!\n";
    close $fh;

    return $self;
}


sub port { return $_[0]{port} }


sub code {
    my ($self) = @_;
    return sub { $self->_serve() };
}


sub wait {
    my ($self) = @_;
    return Test::Nginx->waitforsocket("127.0.0.1:$self->{port}");
}


# The log has a line for each line received, "ID <LINE", and "ID end".

sub received {
    my ($self, $id) = @_;
    my @lines;

    for ($self->_log()) {
        push @lines, $2 if /^(\d+) <(.*)/ && (!defined $id || $id == $1);
    }

    return @lines;
}


sub wait_for {
    my ($self, $re, $seconds, $id) = @_;
    my $found;

    wait_until($seconds, sub {
        ($found) = grep { $_ =~ $re } $self->received($id);
        return defined $found;
    });

    return $found;
}


sub connections {
    my ($self) = @_;
    my %seen = map { /^(\d+) </ ? ($1 => 1) : () } $self->_log();

    return scalar keys %seen;
}


sub ended {
    my ($self, $id) = @_;
    return scalar grep { $_ eq "$id end" } $self->_log();
}


sub wait_for_end {
    my ($self, $id, $seconds) = @_;
    return wait_until($seconds, sub { $self->ended($id) });
}


sub _log {
    my ($self) = @_;

    open my $fh, '<', $self->{log} or return ();
    my @lines = <$fh>;

    # the last line may be only half written

    pop @lines if @lines && $lines[-1] !~ /\x0a\z/;
    chomp @lines;

    return @lines;
}


# From here on in the child.

sub _serve {
    my ($self) = @_;

    local $SIG{PIPE} = 'IGNORE';

    my $listener = IO::Socket::INET->new(Proto => 'tcp', Listen => 128,
        LocalAddr => "127.0.0.1:$self->{port}", ReuseAddr => 1)
        or die "Can't listen on port $self->{port}: $!\n";

    open $self->{out}, '>>', $self->{log} or die "Can't open the log: $!\n";
    $self->{out}->autoflush(1);

    $self->{select} = IO::Select->new($listener);
    $self->{conns} = {};

    for ( ;; ) {
        for my $s ($self->{select}->can_read()) {
            if ($s == $listener) {
                my $client = $listener->accept() or next;
                $self->_accepted($client);
                next;
            }

            my $conn = $self->{conns}{ fileno $s } or next;
            $self->_read($conn);
        }
    }
}


sub _accepted {
    my ($self, $s) = @_;

    if (defined $self->{refuse}) {
        syswrite($s, "ERROR :$self->{refuse}\x0d\x0a");
        close $s;
        return;
    }

    $self->{conns}{ fileno $s } = { socket => $s, in => '', lines => 0,
        channels => {} };
    $self->{select}->add($s);

    return;
}


sub _read {
    my ($self, $conn) = @_;

    my $n = sysread($conn->{socket}, $conn->{in}, 65536,
        length $conn->{in});

    if (!$n) {
        $self->hangup($conn);
        return;
    }

    while ($conn->{in} =~ s/^([^\x0a]*)\x0a//) {
        my $line = $1;

        $line =~ s/\x0d\z//;
        $self->_line($conn, $line);

        return if $conn->{gone};
    }

    return;
}


sub _line {
    my ($self, $conn, $line) = @_;

    $conn->{id} = ++$self->{ids} if !$conn->{id};
    print { $self->{out} } "$conn->{id} <$line\n";

    return if $self->{silent};

    sleep($self->{slow}) if $self->{slow};

    if (!$self->{on_line} || !$self->{on_line}->($self, $conn, $line)) {
        $self->_answer($conn, $line);
    }

    if ($self->{close_after} && ++$conn->{lines} >= $self->{close_after}) {
        $self->hangup($conn);
    }

    return;
}


sub _answer {
    my ($self, $conn, $line) = @_;
    my ($verb, $rest) = $line =~ /^(\S+) ?(.*)/ or return;
    my ($text) = $rest =~ /(?:^| ):(.*)/;
    my @args = split ' ', $rest =~ s/(?:^| ):.*//r;

    push @args, $text if defined $text;
    $verb = uc $verb;

    if ($verb eq 'NICK') {
        $self->_nick($conn, @args);

    } elsif ($verb eq 'USER') {
        $conn->{user} = $args[0];
        $conn->{realname} = $args[3];
        $self->_register($conn);

    } elsif ($verb eq 'CAP') {
        my $who = $conn->{nick} || '*';
        my $sub = uc($args[0] || '');

        $conn->{cap} = $sub ne 'END';
        $self->reply($conn, ":$name CAP $who LS :") if $sub eq 'LS';
        $self->reply($conn, ":$name CAP $who NAK :$args[1]")
            if $sub eq 'REQ';
        $self->_register($conn);

    } elsif ($verb eq 'PONG') {
        $conn->{ponged} = 1;
        $self->_register($conn);

    } elsif ($verb eq 'PING') {
        $self->reply($conn, ":$name PONG $name :$args[0]")
            if !$self->{no_pong};

    } elsif ($verb eq 'PASS' || $verb eq 'WEBIRC') {

        # as good as any

    } elsif ($verb eq 'QUIT') {
        $self->reply($conn, 'ERROR :Closing link: '
            . (defined $args[0] ? $args[0] : ''));
        $self->hangup($conn);

    } elsif (!$conn->{registered}) {
        $self->reply($conn, ":$name 451 * :You have not registered");

    } elsif ($verb eq 'JOIN') {
        $self->_join($conn, $_) for split /,/, $args[0];

    } elsif ($verb eq 'PART') {
        $self->_part($conn, $_) for split /,/, $args[0];

    } elsif ($verb eq 'NAMES') {
        $self->_names($conn, $args[0]);

    } elsif ($verb eq 'WHOIS') {
        my $nick = $args[-1];
        $self->reply($conn, ":$name 311 $conn->{nick} $nick u h * :$nick",
            ":$name 318 $conn->{nick} $nick :End of /WHOIS list.");

    } elsif ($verb eq 'PRIVMSG' || $verb eq 'NOTICE') {
        $self->_message($conn, $verb, @args);

    } else {
        $self->reply($conn, ":$name 421 $conn->{nick} $verb :Unknown");
    }

    return;
}


sub _nick {
    my ($self, $conn, $nick) = @_;
    my $who = $conn->{nick} || '*';

    if (!defined $nick) {
        $self->reply($conn, ":$name 431 $who :No nickname given");
        return;
    }

    if (grep { lc $_ eq lc $nick } @{ $self->{nicks_in_use} || [] }) {
        $self->reply($conn, ":$name 433 $who $nick :Nickname is already in"
            . " use.");
        return;
    }

    $self->reply($conn, _source($conn) . " NICK :$nick")
        if $conn->{registered};
    $conn->{nick} = $nick;
    $self->_register($conn);

    return;
}


sub _register {
    my ($self, $conn) = @_;
    my ($nick, $user) = ($conn->{nick}, $conn->{user});

    return if $conn->{registered} || $conn->{cap};
    return if !defined $nick || !defined $user;

    if ($self->{ping} && !$conn->{ponged}) {
        $self->reply($conn, 'PING :cookie') if !$conn->{pinged}++;
        return;
    }

    $conn->{registered} = 1;

    my $isupport = defined $self->{isupport} ? $self->{isupport}
        : 'CASEMAPPING=rfc1459 CHANTYPES=# PREFIX=(ov)@+ NETWORK=Scripted';

    $self->reply($conn,
        ":$name 001 $nick :Welcome to the Scripted network, $nick",
        ":$name 002 $nick :Your host is $name",
        ":$name 003 $nick :This server was created for a test",
        ":$name 004 $nick $name scripted i nt",
        ":$name 005 $nick $isupport :are supported by this server");

    if ($self->{nomotd}) {
        $self->reply($conn, ":$name 422 $nick :MOTD File is missing");

    } else {
        $self->reply($conn, ":$name 375 $nick :- $name Message of the day -",
            ":$name 372 $nick :- hello", ":$name 376 $nick :End of /MOTD.");
    }

    $self->raw($conn, $self->{greeting}) if defined $self->{greeting};

    return;
}


sub _join {
    my ($self, $conn, $channel) = @_;

    $conn->{channels}{ lc $channel } = 1;

    $self->reply($_, _source($conn) . " JOIN :$channel")
        for $self->_members($channel);

    return $self->_names($conn, $channel);
}


sub _part {
    my ($self, $conn, $channel) = @_;

    $self->reply($_, _source($conn) . " PART $channel")
        for $self->_members($channel);

    delete $conn->{channels}{ lc $channel };

    return;
}


sub _names {
    my ($self, $conn, $channel) = @_;
    my $names = join(' ', map { $_->{nick} } $self->_members($channel));

    return $self->reply($conn, ":$name 353 $conn->{nick} = $channel :$names",
        ":$name 366 $conn->{nick} $channel :End of /NAMES list.");
}


sub _message {
    my ($self, $conn, $verb, $target, $text) = @_;

    return if !defined $text;

    my ($word) = $text =~ /^(\S+)/;

    if (defined $word && $self->{raw} && defined $self->{raw}{$word}) {
        $self->raw($conn, $self->{raw}{$word});
        return;
    }

    my @peers = $target =~ /^#/ ? $self->_members($target)
        : grep { defined $_->{nick} && lc $_->{nick} eq lc $target }
            values %{ $self->{conns} };

    for my $peer (@peers) {
        next if $peer == $conn && $target =~ /^#/;
        $self->reply($peer, _source($conn) . " $verb $target :$text");
    }

    return;
}


sub _members {
    my ($self, $channel) = @_;

    return sort { $a->{id} <=> $b->{id} }
        grep { $_->{channels}{ lc $channel } } values %{ $self->{conns} };
}


sub _source {
    my ($conn) = @_;
    return ":$conn->{nick}!$conn->{user}\@127.0.0.1";
}


sub reply {
    my ($self, $conn, @lines) = @_;
    return $self->raw($conn, join('', map { "$_\x0d\x0a" } @lines));
}


sub raw {
    my ($self, $conn, $bytes) = @_;

    while (!$conn->{gone} && length $bytes) {
        my $n = syswrite($conn->{socket}, $bytes);
        last if !defined $n;
        substr($bytes, 0, $n, '');
    }

    return;
}


sub hangup {
    my ($self, $conn) = @_;

    return if $conn->{gone};

    $conn->{gone} = 1;
    $self->{select}->remove($conn->{socket});
    delete $self->{conns}{ fileno $conn->{socket} };
    close $conn->{socket};

    print { $self->{out} } "$conn->{id} end\n" if $conn->{id};

    return;
}


1;
