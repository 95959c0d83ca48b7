package EIRC::Services;

# Scripted services: a server that links with a real InspIRCd, as services do,
# and answers what its SASL module passes on. It knows what Anope does not,
# SCRAM-SHA-256, and can be as wrong as no real services are.
#
#   my $services = EIRC::Services->new($t, %opt);
#       port => 8095             the name of the port to link by (see port())
#       mechanisms => 'A,B'      what the server offers; SCRAM-SHA-256,PLAIN
#       accounts => { name => { password => '...', %how }, ... }
#           iterations => 4096   of SCRAM
#           nonce => 40          bytes of the nonce behind the client's
#           foreign => 1         a nonce that is none of the client's
#           stranger => 1        the password isn't known: says yes to all
#           silent => 1          no answer to the last message
#   my $ircd = EIRC::InspIRCd->new($t, config => $services->config() . ...);
#   $ircd->start();
#   $t->run_daemon($services->code());
#   $services->wait()            until it is linked
#   $services->wait_for(qr/../, $seconds)   a line that it got or (behind ">")
#                                sent; returns it, or undef
#   $services->lines()           all of them

use warnings;
use strict;

use Digest::SHA qw/ hmac_sha256 sha256 /;
use IO::Socket::INET;
use MIME::Base64;

use Test::Nginx ();
use EIRC::Processes qw/ wait_until /;

my $name = 'services.scripted';
my $id = '00S';
my $password = 'link';
my $salt = 'salt of some bytes';


sub new {
    my ($class, $t, %opt) = @_;

    my $self = bless {
        mechanisms => 'SCRAM-SHA-256,PLAIN', accounts => {}, %opt,
        port => Test::Nginx::port($opt{port} || 8095),
        log => $t->testdir() . '/services.log', users => {},
    }, $class;

    open my $fh, '>', $self->{log} or die "Can't open $self->{log}: $!\n";
    close $fh;

    return $self;
}


sub config {
    my ($self) = @_;

    return <<"EOC";
<module name="spanningtree">
<module name="cap">
<module name="sasl">
<module name="services_account">
<bind address="127.0.0.1" port="$self->{port}" type="servers">
<link name="$name" ipaddr="127.0.0.1" port="$self->{port}"
    allowmask="127.0.0.1/32" sendpass="$password" recvpass="$password">
<uline server="$name" silent="yes">
<sasl target="$name" requiressl="no">
EOC
}


sub code {
    my ($self) = @_;
    return sub { $self->_serve() };
}


sub wait {
    my ($self) = @_;

    $self->wait_for(qr/^:\S+ ENDBURST/, 10)
        or die "No link with InspIRCd:\n" . join("\n", $self->lines()) . "\n";

    return $self;
}


sub lines {
    my ($self) = @_;

    open my $fh, '<', $self->{log} or return ();
    my @lines = <$fh>;

    # the last line may be only half written

    pop @lines if @lines && $lines[-1] !~ /\x0a\z/;
    chomp @lines;

    return @lines;
}


sub wait_for {
    my ($self, $re, $seconds) = @_;
    my $found;

    wait_until($seconds, sub {
        ($found) = grep { $_ =~ $re } $self->lines();
        return defined $found;
    });

    return $found;
}


# From here on in the child.

sub _serve {
    my ($self) = @_;

    open $self->{out}, '>>', $self->{log} or die "Can't open the log: $!\n";
    $self->{out}->autoflush(1);

    $self->{socket} = IO::Socket::INET->new(Proto => 'tcp',
        PeerAddr => "127.0.0.1:$self->{port}") or die "No InspIRCd: $!\n";

    $self->_send('CAPAB START 1205',
        'CAPAB CAPABILITIES :CASEMAPPING=rfc1459', 'CAPAB END',
        "SERVER $name $password 0 $id :Scripted services");

    while (defined(my $line = readline $self->{socket})) {
        $line =~ s/[\x0d\x0a]+\z//;
        print { $self->{out} } "$line\n";
        $self->_line($line);
    }

    return;
}


sub _send {
    my ($self, @lines) = @_;

    for my $line (@lines) {
        print { $self->{out} } ">$line\n";
        syswrite $self->{socket}, "$line\x0d\x0a";
    }

    return;
}


sub _line {
    my ($self, $line) = @_;

    if ($line =~ /^SERVER \S+ \S+ \S+ (\S+)/) {
        $self->{ircd} = $1;
        $self->_send(":$id BURST " . time(),
            ":$id METADATA * saslmechlist :$self->{mechanisms}",
            ":$id ENDBURST");

    } elsif ($line =~ /^:(\S+) PING (\S+)/) {
        $self->_send(":$id PONG $1");

    } elsif ($line =~ /^:\S+ ENCAP \S+ SASL (\S+) \S+ (\w) :?(\S+)/) {
        $self->_sasl($1, $2, $3);
    }

    return;
}


# C: a piece of a message; D: the end, S(uccess) or F(ailure); S: a mechanism
# was chosen; H: who it is, of which nothing is needed.

sub _sasl {
    my ($self, $uid, $type, $data) = @_;

    if ($type eq 'S') {
        $self->{users}{$uid} = { uid => $uid, mechanism => $data, in => '' };

        return grep({ $_ eq $data } split /,/, $self->{mechanisms})
            ? $self->_say($uid, 'C', '+') : $self->_refuse($uid);
    }

    my $user = $self->{users}{$uid};

    # who has given up says so with a star

    if ($type eq 'D' || $data eq '*') {
        delete $self->{users}{$uid};
        return;
    }

    return if $type ne 'C' || !$user;

    $user->{in} .= $data if $data ne '+';
    return if length $data == 400;

    my $said = decode_base64($user->{in});
    $user->{in} = '';

    return $user->{mechanism} eq 'PLAIN' ? $self->_plain($user, $said)
        : !$user->{bare} ? $self->_first($user, $said)
        : !$user->{proven} ? $self->_proof($user, $said)
        : $self->_accept($user);
}


sub _say {
    my ($self, $uid, $type, $data) = @_;

    $self->_send(":$id ENCAP $self->{ircd} SASL $id $uid $type $data");

    return;
}


sub _refuse {
    my ($self, $uid) = @_;

    delete $self->{users}{$uid};

    return $self->_say($uid, 'D', 'F');
}


sub _accept {
    my ($self, $user) = @_;

    return if $self->{accounts}{ $user->{account} }{silent};

    $self->_send(":$id METADATA $user->{uid} accountname :$user->{account}");

    return $self->_say($user->{uid}, 'D', 'S');
}


# a message in base64, in pieces

sub _challenge {
    my ($self, $user, $text) = @_;
    my $b64 = encode_base64($text, '');

    $self->_say($user->{uid}, 'C', $_) for unpack '(a400)*', $b64;
    $self->_say($user->{uid}, 'C', '+') if length($b64) % 400 == 0;

    return;
}


sub _plain {
    my ($self, $user, $said) = @_;
    my (undef, $account, $secret) = split /\0/, $said, 3;
    my $how = $self->{accounts}{ $user->{account} = $account || '' };

    return $how && $how->{password} eq $secret ? $self->_accept($user)
        : $self->_refuse($user->{uid});
}


# RFC 5802, 3 and 5

sub _first {
    my ($self, $user, $said) = @_;

    ($user->{bare}) = $said =~ /^n,,(n=[^,]*,r=.*)$/s
        or return $self->_refuse($user->{uid});
    my ($account, $nonce) = $user->{bare} =~ /^n=([^,]*),r=(.*)$/;

    $account =~ s/=2C/,/g;
    $account =~ s/=3D/=/g;
    $user->{account} = $account;

    my $how = $self->{accounts}{$account}
        or return $self->_refuse($user->{uid});

    $nonce = 'x' x length $nonce if $how->{foreign};
    $user->{iterations} = $how->{iterations} || 4096;
    $user->{first} = "r=$nonce" . 'y' x ($how->{nonce} || 40) . ',s='
        . encode_base64($salt, '') . ",i=$user->{iterations}";

    return $self->_challenge($user, $user->{first});
}


sub _proof {
    my ($self, $user, $said) = @_;
    my $how = $self->{accounts}{ $user->{account} };
    my ($without, $proof) = $said =~ /^(c=biws,r=[^,]*),p=(.*)$/
        or return $self->_refuse($user->{uid});
    my $salted = my $u = hmac_sha256($salt . "\0\0\0\1", $how->{password});

    for (2 .. $user->{iterations}) {
        $u = hmac_sha256($u, $how->{password});
        $salted ^= $u;
    }

    my $text = "$user->{bare},$user->{first},$without";
    my $key = hmac_sha256('Client Key', $salted);
    my $want = $key ^ hmac_sha256($text, sha256($key));

    return $self->_refuse($user->{uid})
        if decode_base64($proof) ne $want && !$how->{stranger};

    $user->{proven} = 1;

    return $self->_challenge($user, 'v=' . encode_base64(hmac_sha256($text,
        hmac_sha256('Server Key', $salted)), ''));
}


1;
