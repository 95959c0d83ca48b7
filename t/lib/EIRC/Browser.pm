package EIRC::Browser;

# A browser with a session that it can come back to, as docs/resume.md has it:
# its messages from the first on, the lines it got, and what it knows of its
# session. The channel is #room.
#
#   my $browser = EIRC::Browser->new('alice', %opt);
#       uri => '/chat'         a location, with /issue beside it
#       user => { ... }        more members of the user object
#   A session with that nick that has joined; channels() tells.
#
#   $browser->say($text, ...)  to the channel
#   $browser->back()           comes back: 'resumed', or the close code, or
#                              the status; waits while there is nobody, or no
#                              session can be had just now
#   $browser->next_message([$timeout])   the next one, or undef
#   $browser->heard(qr/../)    reads to a message that matches; true if one
#                              does
#   $browser->texts(qr/../)    of all lines said in the channel those that
#                              match, joined by spaces
#   $browser->wait_close($timeout)   the close code of what is open now; what
#                              comes before it counts
#   $browser->twin(%opt)       another one that knows what this one knows, but
#                              for members that are given
#
#   $browser->{ws}, {id}, {key}, {linger}, {lines}, {received}, {gaps}

use warnings;
use strict;

use Test::Nginx;
use EIRC::Chat;
use EIRC::Processes;
use EIRC::WebSocket;


sub new {
    my ($class, $nick, %opt) = @_;
    my $self = bless { uri => '/chat', %opt, nick => $nick, lines => [],
        sent => [], received => 0, gaps => 0 }, $class;

    $self->{ws} = EIRC::WebSocket->connect(port(8080),
        "$self->{uri}?resume=&chat_token="
        . token(nick => $nick, channels => [ 'room' ], %{ $opt{user} || {} }));

    my $first = $self->next_message();

    @$self{qw/ id key linger /} = ($first || '')
        =~ /^:client session (\S+) (\S+) (\d+)$/;
    $self->heard(qr/ 366 /);

    return $self;
}


sub twin {
    my ($self, %opt) = @_;

    return bless { %$self, %opt }, ref $self;
}


sub back {
    my ($self) = @_;
    my $ws;

    wait_until(10, sub {
        $ws = EIRC::WebSocket->connect(port(8080),
            "$self->{uri}?resume=$self->{id}.$self->{key}.$self->{received}");
        return $ws && $ws->status() && $ws->status() != 503;
    });

    return 'nobody' if !$ws;

    my $old = $self->{ws};
    $self->{ws} = $ws;

    my $first = $self->next_message();

    if (!defined $first) {
        $self->{ws} = $old;
        return ($ws->wait_close())[0] || $ws->status();
    }

    my ($count, $key) = $first =~ /^:client resumed (\d+) (\w{64})$/
        or return $first;

    $self->{key} = $key;
    $ws->send_text('');

    my @again = @{ $self->{sent} }[$count .. $#{ $self->{sent} }];
    splice @{ $self->{sent} }, $count, 0, '';
    $ws->send_text($_) for @again;

    return 'resumed';
}


sub say {
    my ($self, @texts) = @_;

    for my $text (@texts) {
        push @{ $self->{sent} }, "PRIVMSG #room :$text";
        $self->{ws}->send_text("PRIVMSG #room :$text");
    }

    return;
}


sub next_message {
    my ($self, $timeout) = @_;
    my $message = $self->{ws}->read_message($timeout) or return undef;
    my $text = $message->{payload};

    if ($text =~ /^:client gap (\d+)$/) {
        $self->{received} = $1;
        $self->{gaps}++;

    } elsif ($text !~ /^:client (?:session|resumed)(?: |$)/) {
        $self->{received}++;
        push @{ $self->{lines} }, $text;
    }

    return $text;
}


sub heard {
    my ($self, $re) = @_;

    while (defined(my $text = $self->next_message())) {
        return 1 if $text =~ $re;
    }

    return 0;
}


sub texts {
    my ($self, $re) = @_;

    return join ' ', grep { $_ =~ $re }
        map { /^:\S+ PRIVMSG #room :(.*)$/ ? $1 : () } @{ $self->{lines} };
}


sub wait_close {
    my ($self, $timeout) = @_;

    1 while defined $self->next_message($timeout);

    return ($self->{ws}->wait_close())[0];
}


1;
