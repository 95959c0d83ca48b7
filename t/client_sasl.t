#!/usr/bin/perl

# Tests for logging in: capabilities, each mechanism of SASL byte by byte,
# servers that refuse, lie, are silent or know nothing of it, and NickServ in
# its place. The IRC server is a scripted one.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Alone;
use EIRC::IRCServer;
use EIRC::Processes;

use Digest::SHA qw/ hmac_sha256 sha256 /;
use MIME::Base64;

select STDERR; $| = 1;
select STDOUT; $| = 1;

# no nginx here, whose log the library looks into at the end

my $t = Test::Nginx->new()->write_file('error.log', '');
my $dir = $t->testdir();

# What the server does with a line hangs on the account that logs in, which
# stands in its nick.

my %script = (
    plain => { ls => 'sasl=PLAIN,EXTERNAL' },
    noset => { ls => 'multi-prefix sasl' },
    lines => { ls => [ 'multi-prefix=x echo-message', 'sasl=PLAIN away' ] },
    colon => { ls => ' sasl=PLAIN ', ack => 'sasl ' },
    ext => { ls => 'sasl=PLAIN,EXTERNAL' },
    scram => { ls => 'sasl=PLAIN,SCRAM-SHA-256' },
    badscram => { ls => 'sasl=PLAIN,SCRAM-SHA-256' },
    liar => { ls => 'sasl=PLAIN,SCRAM-SHA-256', signature => 'x' x 32 },
    hasty => { ls => 'sasl=SCRAM-SHA-256', hasty => 1 },
    foreign => { ls => 'sasl=SCRAM-SHA-256', nonce => 'x' },
    endless => { ls => 'sasl=SCRAM-SHA-256', flood => 1 },
    none => { ls => 'multi-prefix' },
    nak => { ls => 'sasl=PLAIN', nak => 1 },
    other => { ls => 'sasl=ECDSA-NIST256P-CHALLENGE' },
    mechs => { ls => 'sasl', mechanisms => 'EXTERNAL,PLAIN' },
    f902 => { ls => 'sasl=PLAIN', fail => 902 },
    f904 => { ls => 'sasl=PLAIN', fail => 904 },
    f905 => { ls => 'sasl=PLAIN', fail => 905 },
    f906 => { ls => 'sasl=PLAIN', fail => 906 },
    f907 => { ls => 'sasl=PLAIN', fail => 907 },
    old => { unknown => 421 },
    older => { unknown => 451 },
    partly => { unknown => 410 },
    mute => { unknown => 0 },
);

my $irc = EIRC::IRCServer->new($t, port => 8081, on_line => \&on_line);
$t->run_daemon($irc->code());
$irc->wait();

$t->plan(79);

sub on_line {
    my ($server, $conn, $line) = @_;

    # CAP comes first, the nick behind it: nothing is answered before

    if ($line =~ /^CAP LS/) {
        $conn->{cap} = 1;
        return 1;
    }

    if ($line =~ /^NICK (\S+)/) {
        my $s = $conn->{script} = $script{$1} or return 0;
        $conn->{cap} = 0 if !$s->{ls};
        $server->reply($conn, ":s $s->{unknown} * "
            . ($s->{unknown} == 451 ? ':Not registered'
                : $s->{unknown} == 410 ? 'LS :Invalid' : 'CAP :Unknown'))
            if $s->{unknown};
        $conn->{cap} = 1 if ($s->{unknown} || 0) == 410;

        my @ls = ref $s->{ls} ? @{ $s->{ls} } : $s->{ls} ? $s->{ls} : ();

        while (defined(my $ls = shift @ls)) {
            $server->reply($conn, ':s CAP * LS ' . (@ls ? '* ' : '')
                . ":$ls");
        }

        return 0;
    }

    my $s = $conn->{script} or return 0;

    if ($line =~ /^CAP REQ :?(.*)/) {
        my $ack = defined $s->{ack} ? $s->{ack} : $1;
        $server->reply($conn, ':s CAP * ' . ($s->{nak} ? 'NAK' : 'ACK')
            . " :$ack");
        return 1;
    }

    return 0 if $line !~ /^AUTHENTICATE (\S*)/;
    my $arg = $1;

    if ($arg eq '*') {
        $server->reply($conn, ':s 906 * :SASL authentication aborted');
        return 1;
    }

    if (!$conn->{mechanism}) {
        if ($s->{mechanisms} && $s->{mechanisms} !~ /\b$arg\b/) {
            $server->reply($conn, ":s 908 * $s->{mechanisms} :are available",
                ':s 904 * :SASL authentication failed');
            return 1;
        }

        $conn->{mechanism} = $arg;
        $server->reply($conn, 'AUTHENTICATE +');
        return 1;
    }

    $conn->{b64} .= $arg if $arg ne '+';
    return 1 if length $arg == 400;

    my $said = decode_base64(delete $conn->{b64} || '');

    if ($s->{fail}) {
        $server->reply($conn, ":s $s->{fail} * :No");

    } elsif ($conn->{mechanism} =~ /^SCRAM/) {
        scram($server, $conn, $s, $said);

    } else {
        $server->reply($conn, ':s 900 * *!*@* acc :You are now logged in',
            ':s 903 * :SASL authentication successful');
    }

    return 1;
}

# RFC 5802, as a server; the challenge comes in two pieces

sub scram {
    my ($server, $conn, $s, $said) = @_;
    my $salt = 'salt of some bytes';

    if (!$conn->{bare}) {
        ($conn->{bare}) = $said =~ /^n,,(.*)/;
        my ($nonce) = $said =~ /,r=(.*)/;
        $nonce = $s->{nonce} if $s->{nonce};

        $conn->{first} = "r=$nonce" . 'y' x 400 . ",s="
            . encode_base64($salt, '') . ',i=4096,x=y';
        my $b64 = encode_base64($conn->{first}, '');

        $b64 = 'A' x 4000 if $s->{flood};
        $server->reply($conn, map { "AUTHENTICATE $_" }
            (unpack '(a400)*', $b64), length($b64) % 400 ? () : '+');

        $server->reply($conn, ':s 903 * :Welcome') if $s->{hasty};
        return;
    }

    if ($conn->{proven}) {
        $server->reply($conn, ':s 900 * *!*@* acc :You are now logged in',
            ':s 903 * :SASL authentication successful');
        return;
    }

    my ($without, $proof) = $said =~ /^(.*),p=(.*)$/;
    my $salted = my $u = hmac_sha256($salt . "\0\0\0\1", 'sesame');

    for (2 .. 4096) {
        $u = hmac_sha256($u, 'sesame');
        $salted ^= $u;
    }

    my $text = "$conn->{bare},$conn->{first},$without";
    my $key = hmac_sha256('Client Key', $salted);
    my $want = $key ^ hmac_sha256($text, sha256($key));
    my $signature = hmac_sha256($text, hmac_sha256('Server Key', $salted));

    if (decode_base64($proof) ne $want) {
        $server->reply($conn, ':s 904 * :SASL authentication failed');
        return;
    }

    $conn->{proven} = 1;
    $server->reply($conn, 'AUTHENTICATE '
        . encode_base64('v=' . encode_base64($s->{signature} || $signature,
            ''), ''));

    return;
}

my $ids = 0;

# logs in, and says what the server heard up to the nick's welcome, or the end

sub login {
    my ($t, $nick, %opt) = @_;
    my $secret = defined $opt{secret} ? $opt{secret} : 'sesame';

    $t->write_file('secret', "$secret\n");
    chmod 0600, "$dir/secret";

    my @args = ("--nick=$nick", '--server=127.0.0.1', '--port=' . $irc->port(),
        "--listen=$dir", "--log=$dir", "--instance=$nick" . ++$ids);
    push @args, $opt{sasl} || '--sasl' if !$opt{optional};
    push @args, "--sasl-file=$dir/secret" if !$opt{nofile};
    push @args, "--account=$opt{account}" if $opt{account};

    my $c = EIRC::Alone->start($t, args => \@args,
        instance => "$nick$ids");

    $c->expect(qr/ 376 |^Disconnected/);
    $irc->wait_for(qr/^(?:USER|QUIT)/, 5, $ids);
    $c->{heard} = [ grep { !/^(?:NICK|USER)/ } $irc->received($ids) ];

    return $c;
}

sub heard { return join '|', @{ $_[0]->{heard} } }
sub told { return join '|', grep { /$_[1]/ } $_[0]->lines() }

# PLAIN

my $c = login($t, 'plain');
is(join('|', $irc->received(1)), 'CAP LS 302|NICK plain|USER plain 0 * :plain|'
    . 'CAP REQ :sasl|AUTHENTICATE PLAIN|AUTHENTICATE '
    . encode_base64("plain\0plain\0sesame", '') . '|CAP END',
    'PLAIN, from the first line on');
is(told($c, ' CAP |AUTHENTICATE'), '', 'nothing of it for the browser');
like(told($c, ' 90. '), qr/^:s 900 .*\|:s 903 /, '... but what came of it');
like($c->log(), qr/logged in: "PLAIN"/, '... in the log');
unlike($c->log() . told($c, '.'), qr/sesame|c2VzYW1l/,
    '... without the secret');
is(maps($c), 0, 'no secret in memory any more');

my $waiting = EIRC::Alone->start($t, connect => 0, instance => 'waiting',
    args => [ '--nick=plain', '--server=127.0.0.1', '--port=' . $irc->port(),
    "--listen=$dir", "--log=$dir", '--instance=waiting', '--sasl',
    "--sasl-file=$dir/secret" ]);
ok(wait_until(5, sub { -S $waiting->path() }), 'a client that waits');
ok(maps($waiting), '... has it');
undef $waiting;

$c = login($t, 'plain', account => 'jilles', sasl => '--sasl=PLAIN');
like(heard($c), qr/AUTHENTICATE amlsbGVzAGppbGxlcwBzZXNhbWU=\|CAP END/,
    'account that is not the nick');

like(heard(login($t, 'plain', secret => "caf\xc3\xa9")),
    qr/AUTHENTICATE \Q${\encode_base64("plain\0plain\0caf\xc3\xa9", '')}\E\|/,
    'secret beyond ASCII');

# pieces

for my $n (280, 287, 288, 289, 588, 592, 1023) {
    my $b64 = encode_base64("plain\0plain\0" . 'x' x $n, '');
    my @pieces = (unpack('(a400)*', $b64), length($b64) % 400 ? () : '+');

    is(heard(login($t, 'plain', secret => 'x' x $n)), 'CAP LS 302|CAP REQ :sasl|'
        . 'AUTHENTICATE PLAIN|' . join('|', map { "AUTHENTICATE $_" } @pieces)
        . '|CAP END', "secret of $n bytes: " . @pieces . ' pieces');
}

# lists

like(heard(login($t, 'noset', sasl => '--sasl=PLAIN')),
    qr/PLAIN\|AUTHENTICATE bm9z/, 'server without a list of mechanisms');
like(heard(login($t, 'lines')),
    qr/^CAP LS 302\|CAP REQ :sasl\|AUTHENTICATE PLAIN\|AUTHENTICATE \w+=*\|CAP END$/, 'capabilities of two lines');
like(heard(login($t, 'colon')), qr/\|CAP END$/, 'spaces around');

$c = login($t, 'mechs');
like(heard($c), qr/SCRAM-SHA-256\|AUTHENTICATE PLAIN\|AUTHENTICATE \w+=*\|CAP END$/,
    '908: the next mechanism');
is(told($c, '^!|:client error'), '', '... and no word of it');

# EXTERNAL

$c = login($t, 'ext', sasl => '--sasl=EXTERNAL', nofile => 1);
is(heard($c), 'CAP LS 302|CAP REQ :sasl|AUTHENTICATE EXTERNAL|'
    . 'AUTHENTICATE +|CAP END', 'EXTERNAL');

# SCRAM

$c = login($t, 'scram');
like(heard($c), qr/REQ[ ]:sasl\|AUTHENTICATE[ ]SCRAM-SHA-256\|AUTHENTICATE[ ]\w+=*
    \|AUTHENTICATE[ ]\S{400}\|AUTHENTICATE[ ]\S+\|AUTHENTICATE[ ][+]
    \|CAP[ ]END/x,
    'SCRAM-SHA-256 is the stronger one');
like($c->log(), qr/logged in: "SCRAM-SHA-256"/, '... and does it');
is(maps($c), 0, '... and forgets the secret');

$c = login($t, 'badscram', secret => 'wrong');
like(heard($c), qr/AUTHENTICATE SCRAM-SHA-256\|(?!.*PLAIN).*\|QUIT$/,
    'bad secret: no other mechanism');
is(told($c, '^!'), '! SASL error (904): authentication failed', '... told');

for ([ 'liar', 'the server does not know the secret itself' ],
    [ 'hasty', 'the server has not proven that it knows the secret' ],
    [ 'foreign', "the server's challenge is none for this login" ],
    [ 'endless', "the server's challenge is too long" ])
{
    my ($nick, $why) = @$_;

    $c = login($t, $nick);
    like(heard($c), qr/\|AUTHENTICATE \*\|QUIT$/, "impostor: $nick");
    is(told($c, '^:client error'), ":client error :Login failed: $why.",
        '... told');

    $c = login($t, $nick, optional => 1);
    like(heard($c), qr/\|AUTHENTICATE \*\|CAP END/, '... left alone');
    unlike(heard($c), qr/NickServ/, '... and told nothing more');
}

# failures

for ([ 902, 'account locked' ], [ 904, 'authentication failed' ],
    [ 905, 'mechanism too long' ], [ 906, 'authentication aborted' ],
    [ 907, 'already in progress' ])
{
    my ($n, $why) = @$_;

    $c = login($t, "f$n", optional => 1);
    is(told($c, '^!'), "! SASL error ($n): $why", "numeric $n");
    like(heard($c), qr/^CAP LS.*\|CAP END$/, '... and goes on');

    next if $n != 904;

    $c = login($t, "f$n");
    like(heard($c), qr/\|QUIT$/, '... unless it is required');
    is(join('|', @{ $c->rest() || [] }), '', '... and that is the end');
}

# no SASL

for (qw/ none nak other old older partly mute /) {
    $c = login($t, $_, optional => 1);
    ok($irc->wait_for(qr/^PRIVMSG NickServ :IDENTIFY sesame$/, 5, $ids),
        "NickServ: $_");
    is(told($c, ' (?:CAP|4[125][01]) '), '', '... no word of it')
        if /old|partly|none/;
}

like(heard(login($t, 'none')), qr/^CAP LS 302\|QUIT$/, 'required and not there');

login($t, 'none', optional => 1, account => 'jilles');
ok($irc->wait_for(qr/^PRIVMSG NickServ :IDENTIFY jilles sesame$/, 5, $ids),
    'NickServ: account that is not the nick');

# command line

$t->write_file('open', "sesame\n");
chmod 0644, "$dir/open";
$t->write_file('empty', "\n");
chmod 0600, "$dir/empty";

for my $case (
    [ '--sasl', qr/--sasl-file=FILE is needed/ ],
    [ '--sasl=FOO', qr/Unknown SASL mechanism: FOO/ ],
    [ "--sasl-file=$dir/none", qr/No such file/ ],
    [ "--sasl-file=$dir/open", qr/chmod 600 is needed/ ],
    [ "--sasl-file=$dir/empty", qr/no secret/ ])
{
    my ($arg, $re) = @$case;

    $c = EIRC::Alone->start($t, connect => 0, args => [ '--nick=a',
        '--server=127.0.0.1', '--port=' . $irc->port(), "--listen=$dir",
        "--log=$dir", '--instance=x', $arg ]);
    is($c->wait_for_exit(), 1, $arg =~ s/\Q$dir//r);
    like($c->errors(), $re, '... in words');
}

# the secret, in base64 or not

sub maps {
    return remembers($_[0]->pid(), qr/sesame|c2VzYW1l|zZXNhbWU|NZXNhbW/);
}
