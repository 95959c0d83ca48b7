package EIRC::Deflate;

# The other end of permessage-deflate: packs and unpacks messages with zlib.
#
#   my $d = EIRC::Deflate->new(bits => 15, peer_bits => 15, level => 6);
#       bits       our window, peer_bits that of the peer; what the peer
#                  refers to beyond it is an error
#
#   $d->pack($bytes)      the payload of a message; the context is kept
#   $d->final($bytes)     the same as one final block: RFC 7692, 7.2.3.4
#   $d->stored($bytes)    the same without compression: 7.2.3.3
#   $d->unpack($payload)  the message, or undef if that is not deflate
#   $d->reset()           forgets both contexts
#   $d->reset_pack()      forgets what was packed
#
# Streams made anew for each message are what "no context takeover" means:
# reset() before each does the same.

use warnings;
use strict;

use Compress::Raw::Zlib;

my $tail = "\x00\x00\xff\xff";


sub new {
    my ($class, %opt) = @_;
    my $self = bless { bits => 15, peer_bits => 15, level => 6, %opt },
        $class;

    # zlib packs with 512 bytes at least, and looks back 250 then

    my $bits = $self->{bits} < 9 ? 9 : $self->{bits};

    $self->{out} = _deflate($bits, $self->{level});
    ($self->{in}) = Compress::Raw::Zlib::Inflate->new(
        WindowBits => -$self->{peer_bits}, AppendOutput => 1,
        ConsumeInput => 1, Bufsize => 32);

    return $self;
}


sub pack {
    my ($self, $bytes) = @_;

    return _pack($self->{out}, $bytes);
}


sub final {
    my ($self, $bytes) = @_;
    my $d = _deflate(15, $self->{level});
    my $out = '';

    $d->deflate($bytes, $out) == Z_OK or die "deflate() failed\n";
    $d->flush($out, Z_FINISH) == Z_OK or die "deflate() failed\n";

    return $out . "\0";
}


sub stored {
    my ($self, $bytes) = @_;

    return _pack(_deflate(15, 0), $bytes);
}


sub unpack {
    my ($self, $payload) = @_;
    my $bytes = $payload . $tail;
    my $out = '';

    my $status = $self->{in}->inflate($bytes, $out);

    return $status == Z_OK || $status == Z_BUF_ERROR ? $out : undef;
}


sub reset {
    my ($self) = @_;

    $self->{in}->inflateReset();

    return $self->reset_pack();
}


sub reset_pack {
    my ($self) = @_;

    $self->{out}->deflateReset();

    return $self;
}


sub _deflate {
    my ($bits, $level) = @_;
    my ($d) = Compress::Raw::Zlib::Deflate->new(WindowBits => -$bits,
        Level => $level, AppendOutput => 1);

    return $d;
}


sub _pack {
    my ($d, $bytes) = @_;
    my $out = '';

    $d->deflate($bytes, $out) == Z_OK or die "deflate() failed\n";
    $d->flush($out, Z_SYNC_FLUSH) == Z_OK or die "deflate() failed\n";

    substr($out, -4) eq $tail or die "no tail behind a flush\n";

    return substr($out, 0, -4);
}


1;
