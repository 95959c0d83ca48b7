#!/usr/bin/perl

# Tests for what a session knows of a channel with 5,000 members: every one of
# them through all that can happen to a channel, and what it costs.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::IRCServer;
use EIRC::Processes;
use EIRC::WebSocket;

use constant MEMBERS => 5000;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix proxy rewrite/)->plan(20);

my $client = irc_client();

$t->write_file_expand('nginx.conf', <<'EOC' =~ s/CLIENT/$client/r);

%%TEST_GLOBALS%%

daemon off;
worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   CLIENT processes=1;
    eirc_run_path %%TESTDIR%%/run;
    eirc_rate     1000r/s burst=1000;
    eirc_flood    off;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        eirc_auth_request /auth;

        location /chat {
            eirc_pass irc://127.0.0.1:8091;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081/;
        }
    }

    server {
        listen       127.0.0.1:8081;
        server_name  localhost;

        location / {
            default_type application/json;
            return 200 '{"nick":"Alice[","channels":["small"]}';
        }
    }
}

EOC

# what happens in the channel, and who is in it then: prefixes by nick

my %names = map { $_->[0] => $_->[1] } members();
my @acts = acts(\%names);

# sanitizers keep what is given back

my $sanitized = content(irc_client()) =~ /__asan_init/;

my $dir = $t->testdir();
my $server = EIRC::IRCServer->new($t, port => 8091, on_line => \&scripted,
    isupport => 'CASEMAPPING=rfc1459 CHANTYPES=# PREFIX=(qaohv)~&@%+ '
    . 'CHANMODES=beI,k,lj,imnpst NICKLEN=30');
$t->run_daemon($server->code());
$server->wait();

$t->run();
wait_until(5, sub { -S "$dir/run/sockets.0" });

my $ws = EIRC::WebSocket->connect(port(8080), '/chat?chat_token=x',
    timeout => 30);

ok($ws->expect(qr/ 366 Alice\[ #small /), 'a session');

my ($worker) = grep { title($_) =~ /: Alice\[/ } processes($dir);
my $before = pss($worker);

$ws->send_text('JOIN #big');
ok($ws->expect(qr/ 366 Alice\[ #big /), MEMBERS . ' names');

my $after = pss($worker);

is_deeply(users(), model(members(), [ 'Alice[', '' ]), 'all of them');

SKIP: {
    skip('root alone may look', 1) if !defined $after;

    diag(sprintf 'a process with %d members more: %d KB in place of %d',
        MEMBERS, $after, $before);
    ok($sanitized || $after - $before < 512, 'cost no more than they must');
}

# one after the other, each of which is checked, then all of them together

for my $i (0 .. $#acts) {
    my ($name, $lines, $then) = @{ $acts[$i] };

    $ws->send_text("PRIVMSG server :act $i");
    $ws->expect(qr/ :act $i done/);
    is_deeply(users(), $then, $name);
}

$ws->send_text('PRIVMSG server :names');
$ws->expect(qr/ 366 /);
is_deeply(users(), $acts[-1][2], 'names again are the same');

for (1 .. 4) {
    $ws->send_text('PRIVMSG server :names');
    $ws->expect(qr/ 366 /);
}

SKIP: {
    skip('root alone may look', 1) if !defined $after;
    ok($sanitized || pss($worker) < $after + 128, 'and nothing is left over');
}

$ws->send_text('PRIVMSG server :kick');
ok($ws->expect(qr/ KICK #big /), 'leaving');
$ws->send_text('/users #big');
is($ws->expect(qr/^:client/),
    ':client error :channel #big not found or no users.', 'all forgotten');
$ws->send_text('/channels');
is($ws->expect(qr/^:client/), ':client channels :#small', 'of that channel');

$ws->send_text('/quit');
is(($ws->wait_close())[0], 1000, 'closed');
$t->stop();
is(wait_for(0, 10, $dir), 0, 'no process left behind');

###############################################################################

# The members as the server tells them at first: nick and prefixes, highest
# first.

sub members {
    my @prefixes = ('', '', '', '+', '@', '@+', '~&@%+', '%', '%+', '&@');

    return map { [ "Member[$_]", $prefixes[$_ % @prefixes] ] }
        1 .. MEMBERS;
}


# What /users says of them.

sub model {
    return { map { $_->[0] => $_->[1] =~ /[~&@]/ ? '@' : $_->[1] ne '' ? '+'
        : '' } @_ };
}


sub users {
    my (%users, $lines);

    $ws->send_text("/users #big\n/channels");

    for ( ;; ) {
        my $line = $ws->expect(qr/^:client/) // last;

        last if $line =~ /^:client channels/;
        $line =~ s/^:client users #big :// or return $line;
        $users{ $2 } = $1 while $line =~ /(?:^|, )([@+]?)([^,]+)/g;
    }

    return \%users;
}


# Everything that changes who is there, each with the lines that say so; the
# names change with them.

sub acts {
    my ($names) = @_;
    my (@acts, @lines);

    my $act = sub {
        my ($name) = @_;

        push @acts, [ $name, [ @lines ],
            model([ 'Alice[', '' ], map { [ $_, $names->{$_} ] }
            keys %$names) ];
        @lines = ();
    };

    my $has = sub {
        my ($nick, $prefix, $set) = @_;

        $names->{$nick} =~ s/\Q$prefix\E//;
        $names->{$nick} .= $prefix if $set;
    };

    for (1 .. 200) {
        push @lines, ":New$_!u\@h JOIN :#big";
        $names->{"New$_"} = '';
    }

    $act->('joins');

    for (1 .. 300) {
        push @lines, ':' . lc("Member{$_}") . '!u@h PART #BIG :bye';
        delete $names->{"Member[$_]"};
    }

    $act->('parts, in other letters');

    for (301 .. 400) {
        push @lines, ":New1!u\@h KICK #big Member[$_] :out";
        delete $names->{"Member[$_]"};
    }

    $act->('kicks');

    for (401 .. 700) {
        push @lines, ":Member[$_]!u\@h NICK :Other|$_";
        $names->{"Other|$_"} = delete $names->{"Member[$_]"};
    }

    push @lines, ":New2!u\@h NICK :NEW2", ":new2!u\@h NICK :nEw2";
    $names->{'nEw2'} = delete $names->{'New2'};
    $act->('other nicks');

    # modes with and without parameters among those of members, in both
    # directions, of people who are not there

    push @lines, ":New1!u\@h MODE #big +oo-v Member[701] Member[702] "
        . 'Member[703]';
    $has->(@$_) for [ 'Member[701]', '@', 1 ], [ 'Member[702]', '@', 1 ],
        [ 'Member[703]', '+', 0 ];
    push @lines, ":New1!u\@h MODE #big +bk-lo+lv *!*\@x key Member[704] 50 "
        . ':Member[705]';
    $has->(@$_) for [ 'Member[704]', '@', 0 ], [ 'Member[705]', '+', 1 ];
    push @lines, ":New1!u\@h MODE #big -k+hI-q * Member[706] x!*\@* "
        . 'Member[706]';
    $has->(@$_) for [ 'Member[706]', '%', 1 ], [ 'Member[706]', '~', 0 ];
    push @lines, ':New1!u@h MODE #big +imnst-p',
        ":New1!u\@h MODE #big +a-j+v member{707} :Member[708]";
    $has->(@$_) for [ 'Member[707]', '&', 1 ], [ 'Member[708]', '+', 1 ];
    push @lines, ":New1!u\@h MODE #big +ov nobody nobody",
        ":New1!u\@h MODE Alice[ +ox", ":New1!u\@h MODE #other +o Member[709]";
    $act->('modes');

    for (710 .. 3209) {
        push @lines, ":Member[$_]!u\@h QUIT :a.example b.example";
        delete $names->{"Member[$_]"};
    }

    $act->('a netsplit');

    for (710 .. 3209) {
        push @lines, ":Member[$_]!u\@h JOIN #big";
        $names->{"Member[$_]"} = '';
    }

    for (my $i = 710; $i < 3206; $i += 4) {
        push @lines, ":a.example MODE #big +ovoh " . join(' ', map {
            "Member[$_]" } $i .. $i + 3);
        $has->("Member[$i]", '@', 1);
        $has->("Member[" . ($i + 1) . ']', '+', 1);
        $has->("Member[" . ($i + 2) . ']', '@', 1);
        $has->("Member[" . ($i + 3) . ']', '%', 1);
    }

    $act->('and its end');

    # between the first names and the last one of a list there is time

    push @lines, ':irc 353 Alice[ = #big :@Alice[ @+Member[3300] Member[3301]',
        ':Late!u@h JOIN #big', ':irc MODE #big +o-o Member[3301] Alice[',
        ':Member[3300]!u@h NICK Renamed', ':Gone!u@h JOIN #big',
        ':irc 353 Alice[ = #big :Late Gone', ':Gone!u@h PART #big',
        ':irc 366 Alice[ #big :End';
    %$names = (Renamed => '@', 'Member[3301]' => '@', Late => '');
    $act->('a list with news in it');

    push @lines, names(members()), ':irc 366 Alice[ #big :End';
    %$names = map { $_->[0] => $_->[1] } members();
    $act->('a list of all');

    return @acts;
}


sub content {
    my ($path) = @_;

    open my $fh, '<', $path or die "Can't open $path: $!\n";
    local $/;

    return scalar <$fh>;
}


# Half of them with user and host, twenty in a line.

sub names {
    my @names = map { $_->[1] . $_->[0] } [ 'Alice[', '' ], @_;
    my @lines;

    while (my @some = splice @names, 0, 20) {
        push @lines, ':irc 353 Alice[ = #big :' . join ' ',
            map { @names % 40 ? $_ : "$_!u\@h" } @some;
    }

    return @lines;
}


sub scripted {
    my ($self, $c, $line) = @_;

    if ($line eq 'JOIN #big') {
        $self->reply($c, ':Alice[!u@h JOIN #big', names(members()),
            ':irc 366 Alice[ #big :End');
        return 1;
    }

    if ($line =~ /^PRIVMSG server :act (\d+)/) {
        $self->reply($c, @{ $acts[$1][1] },
            ":server!u\@h PRIVMSG Alice[ :act $1 done");
        return 1;
    }

    if ($line =~ /^PRIVMSG server :names/) {
        $self->reply($c, names(map { [ $_, $names{$_} ] } keys %names),
            ':irc 366 Alice[ #big :End');
        return 1;
    }

    if ($line =~ /^PRIVMSG server :kick/) {
        $self->reply($c, ':New1!u@h KICK #big alice{ :out');
        return 1;
    }

    return 0;
}

###############################################################################
