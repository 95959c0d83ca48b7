package EIRC::TLS;

# Certificates made for a test, and a small scripted IRC server behind TLS.
#
#   my $certs = EIRC::TLS->certificates($dir);
#       makes below $dir: ca.pem; good.pem (CN and SAN localhost, 127.0.0.1),
#       other.pem (another host), expired.pem, self.pem (signed by itself),
#       client.pem; each with its key in NAME.key, and client-both.pem with
#       certificate and key
#   $certs->file('good.pem'), $certs->fingerprint('good')
#   @options = $certs->pair('good')    what new() needs
#
#   my $server = EIRC::TLS->new($t, %opt);
#       port => 8083           the name of its port (see port())
#       cert => FILE, key => FILE
#       version => 'TLSv1_2'   as IO::Socket::SSL has it
#       client_ca => FILE      a client certificate is asked for, and required
#       plain => 1             no TLS at all
#       caps => '...'          what it says to CAP LS
#       log => FILE            to which the lines go that it gets
#   $t->run_daemon($server->code()); $server->wait();
#   $server->port()
#
# It registers whoever says NICK and USER, answers PING and QUIT, and does what
# a PRIVMSG to "server" says: "cut" closes without close_notify, "bye" closes,
# "error" says ERROR and does not close,
# "flood N" sends N NOTICEs, "deaf" reads nothing for 1 s, "echo ..." answers
# with a NOTICE, "who" tells the name in the client's certificate, "count" how
# many bytes came so far.

use warnings;
use strict;

use IO::Socket::INET;
use IO::Socket::SSL;
use Net::SSLeay;
use POSIX qw/ WNOHANG /;

use Test::Nginx ();
use EIRC::Processes qw/ wait_until /;


sub certificates {
    my ($class, $dir) = @_;
    my $self = bless { dir => $dir }, $class;

    $self->_run(qw/req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
        -nodes -days 10 -subj/, '/CN=Test CA', '-keyout', "$dir/ca.key",
        '-out', "$dir/ca.pem");

    my $san = 'subjectAltName=DNS:localhost,IP:127.0.0.1';

    $self->_sign('good', $san);
    $self->_sign('other', 'subjectAltName=DNS:irc.example.org');
    $self->_sign('expired', $san, qw/-not_before 20200101000000Z
        -not_after 20200201000000Z/);
    $self->_sign('client', 'subjectAltName=DNS:client');

    $self->_run(qw/req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
        -nodes -days 10 -subj/, '/CN=localhost', '-addext', $san, '-keyout',
        "$dir/self.key", '-out', "$dir/self.pem");

    $self->_write('client-both.pem', $self->_read('client.pem')
        . $self->_read('client.key'));

    return $self;
}


sub file { return "$_[0]{dir}/$_[1]" }
sub pair { return (cert => "$_[0]{dir}/$_[1].pem",
    key => "$_[0]{dir}/$_[1].key") }


sub fingerprint {
    my ($self, $name) = @_;
    my $text = `openssl x509 -in $self->{dir}/$name.pem -noout -sha256 -fingerprint`;

    return $text =~ /=(\S+)/ ? $1 : die "No fingerprint: $text\n";
}


sub _sign {
    my ($self, $name, $extension, @dates) = @_;
    my $dir = $self->{dir};

    $self->_run(qw/req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
        -subj/, "/CN=$name", '-keyout', "$dir/$name.key", '-out',
        "$dir/$name.csr");

    if (!@dates) {
        $self->_write("$name.ext", "$extension\n");
        $self->_run(qw/x509 -req -days 10 -CAcreateserial -in/,
            "$dir/$name.csr", '-CA', "$dir/ca.pem", '-CAkey', "$dir/ca.key",
            '-extfile', "$dir/$name.ext", '-out', "$dir/$name.pem");
        return;
    }

    # dates of its choice are for "openssl ca" alone

    $self->_write("$name.ext", <<EOC);
[ca]
default_ca = me
[me]
database = $dir/index.txt
new_certs_dir = $dir
serial = $dir/serial
default_md = sha256
policy = any
x509_extensions = more
[any]
commonName = supplied
[more]
$extension
EOC

    $self->_write('index.txt', '');
    $self->_write('serial', "77\n");
    $self->_run(qw/ca -batch -notext -config/, "$dir/$name.ext", '-in',
        "$dir/$name.csr", '-cert', "$dir/ca.pem", '-keyfile', "$dir/ca.key",
        '-startdate', $dates[1], '-enddate', $dates[3], '-out',
        "$dir/$name.pem");

    return;
}


sub _run {
    my ($self, @args) = @_;
    my $pid = fork();

    die "Can't fork: $!\n" if !defined $pid;

    if (!$pid) {
        open STDOUT, '>>', "$self->{dir}/openssl.log";
        open STDERR, '>&', \*STDOUT;
        exec 'openssl', @args or POSIX::_exit(127);
    }

    waitpid($pid, 0);
    die "openssl @args failed\n" . $self->_read('openssl.log') if $?;

    return;
}


sub _read {
    my ($self, $name) = @_;

    open my $fh, '<', "$self->{dir}/$name" or die "$name: $!\n";
    local $/;

    return scalar <$fh>;
}


sub _write {
    my ($self, $name, $text) = @_;

    open my $fh, '>', "$self->{dir}/$name" or die "$name: $!\n";
    print $fh $text;
    close $fh or die "$name: $!\n";

    return;
}


sub new {
    my ($class, $t, %opt) = @_;

    return bless { port => Test::Nginx::port($opt{port} || 8083), %opt,
        port_name => $opt{port} }, $class;
}


sub port { return Test::Nginx::port($_[0]{port_name} || 8083) }


sub wait {
    my ($self) = @_;
    my $port = $self->port();

    wait_until(5, sub {
        return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
    }) or die "No TLS server\n";

    return $self;
}


sub code {
    my ($self) = @_;

    return sub { $self->_serve() };
}


sub _serve {
    my ($self) = @_;
    my $listen = IO::Socket::INET->new(Listen => 500, ReuseAddr => 1,
        LocalAddr => '127.0.0.1:' . $self->port()) or die "listen(): $!\n";

    local $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    while (my $client = $listen->accept()) {
        my $pid = fork();

        if (!$pid) {
            close $listen;
            eval { $self->_talk($client) };
            POSIX::_exit(0);
        }

        close $client;
    }

    return;
}


sub _talk {
    my ($self, $raw) = @_;
    my $s = $self->{plain} ? $raw : IO::Socket::SSL->start_SSL($raw,
        SSL_server => 1,
        SSL_cert_file => $self->{cert}, SSL_key_file => $self->{key},
        $self->{version} ? (SSL_version => $self->{version},
            SSL_cipher_list => 'ALL:@SECLEVEL=0') : (),
        $self->{client_ca} ? (SSL_ca_file => $self->{client_ca},
            SSL_verify_mode => SSL_VERIFY_PEER
                | SSL_VERIFY_FAIL_IF_NO_PEER_CERT) : (),
    ) or return;

    my ($nick, $bytes) = ('*', 0);
    my $say = sub { print {$s} ":irc.tls $_[0]\r\n" };

    while (my $line = <$s>) {
        $bytes += length $line;
        $line =~ s/\r?\n$//;
        $self->_log($line) if $self->{log};

        if ($line =~ /^NICK :?(\S+)/) {
            $nick = $1;

        } elsif ($line =~ /^USER /) {
            $say->("001 $nick :Welcome");
            $say->("422 $nick :No MOTD");

        } elsif ($line =~ /^CAP LS/) {
            $say->('CAP * LS :' . ($self->{caps} || ''));

        } elsif ($line =~ /^PING (.*)/) {
            $say->("PONG irc.tls $1");

        } elsif ($line =~ /^QUIT/) {
            print {$s} "ERROR :Closing link\r\n";
            last;

        } elsif ($line =~ /^PRIVMSG server :(\w+) ?(.*)/) {
            my ($what, $more) = ($1, $2);

            if ($what eq 'cut') {
                syswrite($s, ":irc.tls NOTICE $nick :half a li");
                Net::SSLeay::set_quiet_shutdown($s->_get_ssl_object(), 1);
                $s->close(SSL_no_shutdown => 1);
                return;
            }

            last if $what eq 'bye';
            print {$s} "ERROR :Closing link\r\n" if $what eq 'error';
            select(undef, undef, undef, 1) if $what eq 'deaf';
            $say->("NOTICE $nick :$more") if $what eq 'echo';
            $say->("NOTICE $nick :bytes $bytes") if $what eq 'count';
            $say->("NOTICE $nick :you are "
                . ($s->peer_certificate('cn') || '')) if $what eq 'who';

            if ($what eq 'flood') {
                print {$s} join '', map {
                    ":irc.tls NOTICE $nick :$_ " . ('x' x 400) . "\r\n"
                } 1 .. $more;
            }
        }
    }

    $s->close();

    return;
}



sub _log {
    my ($self, $line) = @_;

    open my $fh, '>>', $self->{log} or return;
    syswrite($fh, "$line\n");
    close $fh;

    return;
}


1;
