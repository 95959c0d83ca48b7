package EIRC::Chat;

# A user's way into a chat of the nginx under test: a token, and a WebSocket
# with it.
#
#   token(%user)        a token for that user object, issued at /issue; values
#                       are texts, or lists of them; 'none' when there is none
#   token()             one that nobody has issued, and never the same: for
#                       applications that take any
#   chat_as($uri, $nick)   a WebSocket whose token is the nick, where the
#                       application takes it for that; with more patience
#   chat([$uri,] [\%opt,] %user)   a WebSocket with token(%user); $uri is
#                       /chat unless given, %opt that of EIRC::WebSocket. With
#                       SSL it goes to port 8443, else to 8080

use warnings;
use strict;

use base qw/ Exporter /;

our @EXPORT = qw/ chat chat_as token /;

use Test::Nginx qw/ :DEFAULT http_content /;
use EIRC::WebSocket;

my $tokens = 0;


sub chat {
    my $uri = @_ && !ref $_[0] && $_[0] =~ m!^/! ? shift : '/chat';
    my %opt = @_ && ref $_[0] ? %{ shift @_ } : ();

    return EIRC::WebSocket->connect(port($opt{SSL} ? 8443 : 8080),
        "$uri?chat_token=" . token(@_), %opt);
}


sub chat_as {
    my ($uri, $nick) = @_;

    return EIRC::WebSocket->connect(port(8080), "$uri?chat_token=$nick",
        timeout => 10);
}


sub token {
    my (%user) = @_;
    my @members;

    return 't' . ++$tokens if !%user;

    for my $name (sort keys %user) {
        my $value = $user{$name};
        push @members, "\"$name\":" . (ref $value
            ? '[' . join(',', map { "\"$_\"" } @$value) . ']' : "\"$value\"");
    }

    my $body = '{' . join(',', @members) . '}';
    my $length = length $body;
    my $answer = http(<<EOR, body => $body);
POST /issue HTTP/1.0
Host: localhost
Content-Type: application/json
Content-Length: $length

EOR

    return (http_content($answer) || '') =~ /"token":\s*"([^"]+)"/
        ? $1 : 'none';
}


1;
