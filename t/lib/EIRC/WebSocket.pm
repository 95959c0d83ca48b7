package EIRC::WebSocket;

# A WebSocket client that believes nothing: what a server may not send is
# reported, and what a client may not send can be sent.
#
#   my $ws = EIRC::WebSocket->connect($port, '/chat?chat_token=x', %opt);
#
#       host => '127.0.0.1'      where to connect to
#       socket => $s             connected already, by whatever way
#       headers => [ 'Origin: http://a', ... ]   more header lines
#       subprotocols => [ ... ]  Sec-WebSocket-Protocol
#       extensions => '...'      Sec-WebSocket-Extensions, as it is
#       key, version, method, http => what the request says instead of the
#                                right thing; undef leaves the header away
#       request => $text         a whole request in place of the usual
#       SSL => 1                 over TLS, unverified, unless there is a
#       SSL_ca_file => $path     that has to vouch for the server's name;
#                                any SSL_ option of IO::Socket::SSL
#       timeout => 5             for connecting and for every wait by default
#       pong => 0                pings aren't answered by themselves
#       SocketOptions => [ [ SOL_SOCKET, SO_RCVBUF, 4096 ], ... ]
#
#   An object is returned whatever the answer is; undef if nobody listens.
#
#   $ws->ok()         true after a correct 101
#   $ws->status()     number; 0 when the server said nothing
#   $ws->header($name)   (all of them, comma separated), $ws->head(),
#   $ws->body()       of an answer other than 101
#   $ws->problem()    what the server did wrong, '' when nothing
#
#   $ws->send_text($bytes), $ws->send_binary($bytes), $ws->ping($bytes),
#   $ws->pong($bytes)
#   $ws->send_frame(opcode => 1, payload => $bytes, fin => 1, rsv => 0,
#                   masked => 1, mask => $four_bytes, length => $lie)
#   $ws->frame(...)   the bytes of that frame, to cut or to join
#   $ws->send_raw($bytes)
#       each returns true when everything was written in time
#
#   $ws->read_frame($timeout)    { fin, rsv, opcode, masked, payload }, or
#                     undef: timeout, end of file, or a problem
#   $ws->read_message($timeout)  { opcode, payload, rsv }, joined from its
#                     fragments; pings are answered, pongs kept in pongs(),
#                     a close frame ends it with undef
#   $ws->expect(qr/.../, $timeout)   reads messages until one matches, and
#                     returns its payload, or undef
#   $ws->messages()   payloads of all data messages read so far
#   $ws->pongs(), $ws->pings()   payloads read so far
#
#   $ws->close($code, $reason)   sends a close frame (no code: empty body)
#   $ws->wait_close($timeout)    reads to the end: (code, reason, tcp_closed);
#                     code is 1005 for an empty body, 1006 if no close frame
#                     came; answers the server's close frame
#   $ws->closed()     true when the server closed the connection
#   $ws->disconnect() closes the socket without a word
#   $ws->socket(), $ws->fd()     for IO::Select; pending() tells of bytes
#                     that were read already

use warnings;
use strict;

use Digest::SHA qw/ sha1_base64 /;
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw/ encode_base64 /;
use Time::HiRes qw/ time /;

use constant TEXT => 1;
use constant BINARY => 2;
use constant CLOSE => 8;
use constant PING => 9;
use constant PONG => 10;

my $guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';


sub connect {
    my ($class, $port, $uri, %opt) = @_;
    my $timeout = $opt{timeout} || 5;
    my $host = $opt{host} || '127.0.0.1';

    local $SIG{PIPE} = 'IGNORE';

    my $s = $opt{socket} || IO::Socket::INET->new(Proto => 'tcp',
        PeerAddr => $host, PeerPort => $port, Timeout => $timeout,
        Sockopts => $opt{SocketOptions} || []) or return undef;

    if ($opt{SSL}) {
        require IO::Socket::SSL;
        $s = IO::Socket::SSL->start_SSL($s, Timeout => $timeout,
            SSL_verify_mode => $opt{SSL_ca_file}
                ? IO::Socket::SSL::SSL_VERIFY_PEER()
                : IO::Socket::SSL::SSL_VERIFY_NONE(),
            SSL_verifycn_scheme => 'http', SSL_verifycn_name => 'localhost',
            SSL_hostname => 'localhost',
            map { $_ => $opt{$_} } grep { /^SSL_/ } keys %opt)
            or return undef;
    }

    $s->blocking(0);

    my $self = bless {
        socket => $s, in => '', timeout => $timeout, problem => '',
        messages => [], pings => [], pongs => [], parts => undef,
        autopong => exists $opt{pong} ? $opt{pong} : 1,
        status => 0, head => '', body => '', ok => 0,
    }, $class;

    $self->_handshake($uri, "$host:$port", %opt);

    return $self;
}


sub _handshake {
    my ($self, $uri, $host, %opt) = @_;

    my $key = exists $opt{key} ? $opt{key}
        : encode_base64(pack('N4', map { int rand(2 ** 32) } 1 .. 4), '');
    my $request = $opt{request};

    if (!defined $request) {
        my $version = exists $opt{version} ? $opt{version} : 13;
        my @lines = (($opt{method} || 'GET') . " $uri HTTP/"
            . ($opt{http} || '1.1'));

        push @lines, "Host: $host", 'Upgrade: websocket',
            'Connection: Upgrade';
        push @lines, "Sec-WebSocket-Key: $key" if defined $key;
        push @lines, "Sec-WebSocket-Version: $version" if defined $version;
        push @lines, 'Sec-WebSocket-Protocol: '
            . join(', ', @{ $opt{subprotocols} }) if $opt{subprotocols};
        push @lines, "Sec-WebSocket-Extensions: $opt{extensions}"
            if $opt{extensions};
        push @lines, @{ $opt{headers} || [] };

        $request = join('', map { "$_\x0d\x0a" } @lines, '');
    }

    $self->send_raw($request) or return;

    my $end = time() + $self->{timeout};

    while ($self->{in} !~ /\x0d\x0a\x0d\x0a/) {
        last if !$self->_fill($end);
    }

    return if $self->{in} !~ s/^(.*?\x0d\x0a)\x0d\x0a//s;

    $self->{head} = $1;
    $self->{status} = $1 if $self->{head} =~ m!^HTTP/1\.[01] (\d{3})!;

    if ($self->{status} != 101) {
        $self->_read_body($end);
        return;
    }

    my $accept = defined $key ? sha1_base64($key . $guid) . '=' : '';

    $self->_wrong('no upgrade') if lc($self->header('Upgrade') || '')
        ne 'websocket';
    $self->_wrong('no connection upgrade')
        if ($self->header('Connection') || '') !~ /\bupgrade\b/i;
    $self->_wrong('accept key is wrong') if !defined $opt{request}
        && ($self->header('Sec-WebSocket-Accept') || '') ne $accept;

    my $chosen = $self->header('Sec-WebSocket-Protocol');

    $self->_wrong("subprotocol $chosen wasn't offered") if defined $chosen
        && !grep { $_ eq $chosen } @{ $opt{subprotocols} || [] };
    $self->_wrong("extension wasn't offered")
        if !$opt{extensions} && !defined $opt{request}
        && defined $self->header('Sec-WebSocket-Extensions');

    $self->{ok} = $self->{problem} eq '';

    return;
}


sub _read_body {
    my ($self, $end) = @_;
    my $length = $self->header('Content-Length');

    while (!defined $length || length $self->{in} < $length) {
        last if defined $length && $length == 0;
        last if ($self->header('Transfer-Encoding') || '') =~ /chunked/i
            && $self->{in} =~ /(?:^|\x0a)0\x0d\x0a\x0d\x0a\z/;
        last if !$self->_fill($end);
    }

    ($self->{body}, $self->{in}) = ($self->{in}, '');

    if (($self->header('Transfer-Encoding') || '') =~ /chunked/i) {
        my ($text, $body) = ('', $self->{body});

        while ($body =~ s/^([0-9a-f]+)[^\x0a]*\x0a//i && hex $1) {
            $text .= substr($body, 0, hex $1, '');
            $body =~ s/^\x0d\x0a//;
        }

        $self->{body} = $text;
    }

    return;
}


sub ok { return $_[0]{ok} ? 1 : 0 }
sub status { return $_[0]{status} }
sub head { return $_[0]{head} }
sub body { return $_[0]{body} }
sub problem { return $_[0]{problem} }
sub messages { return @{ $_[0]{messages} } }
sub pings { return @{ $_[0]{pings} } }
sub pongs { return @{ $_[0]{pongs} } }
sub closed { return $_[0]{eof} ? 1 : 0 }
sub socket { return $_[0]{socket} }
sub fd { return fileno $_[0]{socket} }
sub pending { return length $_[0]{in} }


sub header {
    my ($self, $name) = @_;
    my @values = $self->{head} =~ /^\Q$name\E:[ \t]*(.*?)[ \t]*\x0d$/mgi;

    return @values ? join(', ', @values) : undef;
}


sub send_text {
    my ($self, $payload) = @_;
    return $self->send_frame(opcode => TEXT, payload => $payload);
}


sub send_binary {
    my ($self, $payload) = @_;
    return $self->send_frame(opcode => BINARY, payload => $payload);
}


sub ping {
    my ($self, $payload) = @_;
    return $self->send_frame(opcode => PING, payload => $payload);
}


sub pong {
    my ($self, $payload) = @_;
    return $self->send_frame(opcode => PONG, payload => $payload);
}


sub send_frame {
    my ($self, %frame) = @_;
    return $self->send_raw($self->frame(%frame));
}


sub frame {
    my ($self, %frame) = @_;
    my $payload = defined $frame{payload} ? "$frame{payload}" : '';
    my $fin = exists $frame{fin} ? $frame{fin} : 1;
    my $masked = exists $frame{masked} ? $frame{masked} : 1;
    my $opcode = exists $frame{opcode} ? $frame{opcode} : TEXT;

    utf8::encode($payload) if utf8::is_utf8($payload);

    my $length = exists $frame{length} ? $frame{length} : length $payload;
    my $bytes = chr(($fin ? 0x80 : 0) | (($frame{rsv} || 0) << 4) | $opcode);
    my $bit = $masked ? 0x80 : 0;

    if ($length < 126) {
        $bytes .= chr($bit | $length);

    } elsif ($length < 65536) {
        $bytes .= chr($bit | 126) . pack('n', $length);

    } else {
        $bytes .= chr($bit | 127) . pack('Q>', $length);
    }

    if ($masked) {
        my $mask = defined $frame{mask} ? $frame{mask}
            : pack('N', int rand(2 ** 32));

        $bytes .= $mask;
        $payload ^= substr($mask x (length($payload) / 4 + 1), 0,
            length $payload);
    }

    return $bytes . $payload;
}


sub send_raw {
    my ($self, $bytes, $timeout) = @_;
    my $end = time() + ($timeout || $self->{timeout});
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


sub read_frame {
    my ($self, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : $self->{timeout});

    for ( ;; ) {
        my $frame = $self->_parse();

        return $frame if $frame || $self->{problem} ne '';
        return undef if !$self->_fill($end);
    }
}


sub read_message {
    my ($self, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : $self->{timeout});

    for ( ;; ) {
        my $left = $end - time();
        my $frame = $self->read_frame($left > 0 ? $left : 0) or return undef;
        my $opcode = $frame->{opcode};

        if ($opcode == PING) {
            push @{ $self->{pings} }, $frame->{payload};
            $self->pong($frame->{payload}) if $self->{autopong};
            next;
        }

        if ($opcode == PONG) {
            push @{ $self->{pongs} }, $frame->{payload};
            next;
        }

        if ($opcode == CLOSE) {
            $self->{close} = $frame;
            return undef;
        }

        if ($opcode == 0) {
            return $self->_wrong('continuation of nothing')
                if !$self->{parts};
            $self->{parts}{payload} .= $frame->{payload};

        } else {
            return $self->_wrong('a message inside a message')
                if $self->{parts};
            $self->{parts} = $frame;
        }

        next if !$frame->{fin};

        my $message = delete $self->{parts};

        if ($message->{opcode} == TEXT && !($message->{rsv} & 4)) {
            my $copy = $message->{payload};
            return $self->_wrong('text is not UTF-8')
                if !utf8::decode($copy);
        }

        push @{ $self->{messages} }, $message->{payload};

        return $message;
    }
}


sub expect {
    my ($self, $re, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : $self->{timeout});

    for ( ;; ) {
        my $left = $end - time();
        my $message = $self->read_message($left > 0 ? $left : 0)
            or return undef;

        return $message->{payload} if $message->{payload} =~ $re;
    }
}


sub close {
    my ($self, $code, $reason) = @_;
    my $body = defined $code ? pack('n', $code) : '';

    $body .= $reason if defined $reason;
    $self->{close_sent} = 1;

    return $self->send_frame(opcode => CLOSE, payload => $body);
}


sub wait_close {
    my ($self, $timeout) = @_;
    my $end = time() + (defined $timeout ? $timeout : $self->{timeout});

    while (!$self->{close}) {
        my $left = $end - time();
        last if !$self->read_message($left > 0 ? $left : 0);
    }

    my ($code, $reason) = (1006, '');

    if ($self->{close}) {
        my $body = $self->{close}{payload};

        ($code, $reason) = length $body < 2 ? (1005, '')
            : (unpack('n', $body), substr($body, 2));
        $self->close($code == 1005 ? undef : $code)
            if !$self->{close_sent};
    }

    while (!$self->{eof}) {
        last if !$self->_fill($end);
    }

    return ($code, $reason, $self->closed());
}


sub disconnect {
    my ($self) = @_;

    CORE::close($self->{socket});

    return;
}


sub _parse {
    my ($self) = @_;
    my $in = $self->{in};

    return undef if length $in < 2;

    my ($first, $second) = unpack('CC', $in);
    my ($length, $at) = ($second & 0x7f, 2);

    if ($length == 126) {
        return undef if length $in < 4;
        ($length, $at) = (unpack('x2n', $in), 4);
        return $self->_wrong('length not in its shortest form')
            if $length < 126;

    } elsif ($length == 127) {
        return undef if length $in < 10;
        ($length, $at) = (unpack('x2Q>', $in), 10);
        return $self->_wrong('length not in its shortest form')
            if $length < 65536;
    }

    return $self->_wrong('server masked a frame') if $second & 0x80;
    return undef if length $in < $at + $length;

    my $frame = {
        fin => $first & 0x80 ? 1 : 0, rsv => ($first >> 4) & 7,
        opcode => $first & 15, masked => 0,
        payload => substr($in, $at, $length),
    };

    substr($self->{in}, 0, $at + $length, '');

    return $self->_wrong("opcode $frame->{opcode} doesn't exist")
        if $frame->{opcode} > 10
        || ($frame->{opcode} > 2 && $frame->{opcode} < 8);
    return $self->_wrong('control frame in parts or too long')
        if $frame->{opcode} > 7 && (!$frame->{fin} || $length > 125);
    return $self->_wrong('reserved bits without an extension')
        if $frame->{rsv}
        && !defined $self->header('Sec-WebSocket-Extensions');
    return $self->_wrong('a frame after the close frame') if $self->{close};

    return $frame;
}


sub _fill {
    my ($self, $end) = @_;
    my $s = $self->{socket};

    return 0 if $self->{eof};

    if (!($s->can('pending') && $s->pending())) {
        my $left = $end - time();
        return 0 if !IO::Select->new($s)->can_read($left > 0 ? $left : 0);
    }

    my $n = sysread($s, $self->{in}, 65536, length $self->{in});

    return 1 if defined $n && $n > 0;
    return 1 if !defined $n && ($!{EAGAIN} || $!{EINTR});

    $self->{eof} = 1;

    return 0;
}


sub _wrong {
    my ($self, $what) = @_;

    $self->{problem} = $what if $self->{problem} eq '';

    return undef;
}


1;
