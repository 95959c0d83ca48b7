package EIRC::App;

# An application that answers for tokens, on a port of its own:
#
#   $t->run_daemon(\&EIRC::App::run, $port, $file);
#
# GET /api/auth/user/TOKEN is answered as the token says:
#
#   good...   200, { nick, account, sasl_secret }; the nick is the token, cut
#             to 20 characters, "-" and "." made "_"
#   once...   the same for the first time, then 404: as an application does it
#             that deletes a token when it is asked
#   wait...   like good, after 0.5 s
#   long...   like good, after 2 s
#   chunk...  like good, in chunks
#   status...NNN...  that status, with a small JSON body
#   silent    never
#   cut       200, less than Content-Length says
#   big       200, more than any buffer takes
#   bigchunk  the same in chunks
#   snug...   200, more than 16k, and less than the buffers of proxy_pass take
#   body...   200, what follows in hex as the body
#
# Each request is appended to the file as it came.

use warnings;
use strict;

use IO::Select;
use IO::Socket::INET;


sub run {
    my ($port, $file) = @_;

    my $server = IO::Socket::INET->new(Proto => 'tcp', Listen => 512,
        LocalAddr => "127.0.0.1:$port", ReuseAddr => 1)
        or die "Can't listen on port $port: $!\n";

    my %seen;

    local $SIG{PIPE} = 'IGNORE';
    local $SIG{CHLD} = 'IGNORE';

    while (my $s = $server->accept()) {
        my $request = '';

        while ($request !~ /\r\n\r\n/) {
            my $n = sysread($s, $request, 8192, length $request);
            last if !$n;
        }

        next if $request !~ m!^GET /api/auth/user/(\S*) HTTP/!;

        my $token = $1;
        my $again = $seen{$token}++;

        open my $fh, '>>', $file or die "Can't open $file: $!\n";
        syswrite $fh, $request;
        close $fh;

        if ($token !~ /^(?:wait|long|silent)/) {
            answer($s, $token, $again);
            next;
        }

        my $pid = fork();
        next if $pid;

        close $server;

        if ($token eq 'silent') {
            IO::Select->new($s)->can_read(20);

        } else {
            select undef, undef, undef, $token =~ /^long/ ? 2 : 0.5;
            answer($s, $token, $again);
        }

        close $s;
        exit 0;
    }

    return;
}


sub answer {
    my ($s, $token, $again) = @_;
    my ($status, $body, $length) = (200, user($token));

    if ($token =~ /^status.*?(\d{3})/) {
        $status = $1;
        $body = $status == 204 ? '' : '{"message":"no"}';

    } elsif ($token =~ /^once/ && $again) {
        $status = 404;
        $body = '{"message":"Token or user not found"}';

    } elsif ($token eq 'cut') {
        $length = 1000;

    } elsif ($token =~ /^big/) {
        $body = '{"nick":"big","bio":"' . 'x' x 200000 . '"}';

    } elsif ($token =~ /^snug/) {
        $body = '{"nick":"snug","bio":"' . 'x' x 20000 . '"}';

    } elsif ($token =~ /^body(.*)/) {
        $body = pack('H*', $1);
    }

    my $head = "HTTP/1.1 $status Whatever\r\nConnection: close\r\n"
        . "Content-Type: application/json\r\n";
    $head .= "Location: http://127.0.0.1/\r\n" if $status =~ /^3/;

    if ($token =~ /chunk/) {
        my $text = '';

        $text .= sprintf("%x\r\n%s\r\n", length $_, $_)
            for unpack '(a5000)*', $body;
        $text = join '', map { sprintf "%x\r\n%s\r\n", length $_, $_ }
            $body =~ /(.{1,7})/gs if length $body < 1000;

        syswrite $s, $head . "Transfer-Encoding: chunked\r\n\r\n$text"
            . "0\r\n\r\n";
        return;
    }

    $length = length $body if !defined $length;
    syswrite $s, $head . "Content-Length: $length\r\n\r\n$body";

    return;
}


sub user {
    my ($token) = @_;
    my $nick = substr($token, 0, 20);

    $nick =~ s/%..|[-.]/_/g;

    return qq({"id":7,"nick":"$nick","account":"a_$nick",)
        . qq("realname":null,"sasl_secret":"secret of $nick",)
        . qq("channels":["one","two"],"profile":null});
}


1;
