package EIRC::SoakScenarios;

# What is done to sessions under load: small in t/session_soak_*.t, large in
# ./build.sh soak. Each scenario starts nginx and all its peers, and returns
#
#   { figures => {...},      of the peers, see t/soak/report.c
#     problems => [...],     in words; none: all is well
#     notes => [...] }       figures that no test judges
#
#   kills($t, users, kills, [step, again, resume, layers, pace])
#                            users' processes are killed
#   tls($t, ...), unix($t, ...)   the same with relays before the IRC server
#   cuts($t, users, cuts, reload)   browsers' connections are cut off, and
#                            nginx is reloaded every so many seconds
#   reload($t, users)        one reload
#   nginx($t, users, times)  workers of nginx are killed
#   layer($t, users, times, again)   socket layers are killed, and so many of
#                            those that come, before they have all sessions
#   upgrade($t, users, times)   other programs take their place, and every
#                            third time are killed before all sessions are with
#                            the new program
#   corrupt($t, users, times)   bits of segments are flipped, and their
#                            processes killed
#   all($t, users, seconds)  one after the other and beside each other

use warnings;
use strict;

use base qw/ Exporter /;

our @EXPORT_OK = qw/ kills tls unix cuts reload nginx layer upgrade corrupt
    all /;

use Time::HiRes qw/ time /;

use EIRC::Processes;
use EIRC::Soak;

# p99 of the pause that the death of a process makes, ms
use constant PAUSE => 50;

# descriptors of a user's process (src/client/worker.h)
use constant FD_SEGMENT => 4;

# deaths of one session that its state may bring about: then it is dropped
use constant DEATHS => 3;


sub scenarios { return @EXPORT_OK }


sub kills {
    my ($t, %opt) = @_;

    %opt = (users => 50, kills => 2000, step => 25, again => 25, max => 20000,
        pace => 0, %opt);

    return _scenario($t, \%opt, sub {
        my ($soak, $notes) = @_;
        my $n = int($opt{kills} / 4) + 1;

        # what a line waits when nobody dies

        $soak->do("feint $n 0 $opt{max}", 600);
        push @$notes, _pause('without kills', $soak->settle()->{pause});

        _talk($soak, \%opt);
        $soak->do("kill $opt{kills} 0 $opt{max} $opt{step} $opt{again}", 3600);

        my $f = $soak->settle();

        push @$notes, _pause("after $f->{kills} kills", $f->{pause}),
            sprintf 'p99 below %d ms: %s', PAUSE,
                $f->{pause}{p99} < PAUSE * 1000 ? 'yes' : 'no';

        return $f;
    });
}


sub tls { return kills(@_, irc => 'tls') }
sub unix { return kills(@_, irc => 'unix') }


sub cuts {
    my ($t, %opt) = @_;

    %opt = (users => 50, cuts => 200, reload => 3, kills => 0, max => 50000,
        %opt, resume => 1);

    return _scenario($t, \%opt, sub {
        my ($soak) = @_;

        _cut($soak, \%opt);

        return $soak->settle();
    });
}


# Reloads go on as long as there is somebody to be cut off.

sub _cut {
    my ($soak, $opt) = @_;

    $soak->ask("cut $opt->{cuts} 0 $opt->{max}");
    $soak->ask("kill $opt->{kills} 0 $opt->{max} 25 25") if $opt->{kills};

    my $end = time() + 3600;

    while (!eval { $soak->wait('cut', $opt->{reload}); 1 }) {
        die $@ if $@ !~ /^No answer/ || time() > $end;
        $soak->reload();
    }

    $soak->wait('kill', 3600) if $opt->{kills};

    return;
}


sub reload {
    my ($t, %opt) = @_;

    %opt = (users => 1000, window => 1, pace => 3_000_000, %opt, resume => 1);

    return _scenario($t, \%opt, sub {
        my ($soak, $notes, $problems) = @_;

        $soak->reload();
        $soak->do("back $opt{users}", 60);

        my $f = $soak->settle();
        my %codes = %{ $f->{codes} };

        push @$notes, sprintf '%d told to come back over %.1f s, the last one '
            . 'was there after %.1f s; from asking to its lines p50 %.1f, '
            . 'p99 %.1f ms', $codes{1012} || 0, $f->{restart_ms} / 1000,
            $f->{resumed_ms} / 1000, $f->{back}{p50} / 1000,
            $f->{back}{p99} / 1000;

        push @$problems, "$f->{resumed} resumed"
            if $f->{resumed} != $opt{users};
        push @$problems, "closed with $_: $codes{$_}"
            for grep { $_ != 1012 } keys %codes;

        return $f;
    });
}


sub nginx {
    my ($t, %opt) = @_;

    %opt = (users => 50, times => 50, %opt, resume => 1,
        log => [ qr/worker process \d+ exited on signal 9/ ]);

    return _scenario($t, \%opt, sub {
        my ($soak) = @_;

        srand($soak->{seed});

        for (1 .. $opt{times}) {
            my @workers = $soak->workers();
            my $pid = $workers[rand @workers];

            kill 'KILL', $pid;
            wait_until(10, sub {
                my @now = grep { $_ != $pid } $soak->workers();
                return @now == $soak->{workers};
            }) or die "No worker comes\n";
            $soak->do('run 500', 60);
        }

        return $soak->settle();
    });
}


sub layer {
    my ($t, %opt) = @_;

    %opt = (users => 50, times => 50, layers => 2, pace => 5000, again => 1,
        %opt, log => [ qr/socket layer/ ]);

    return _scenario($t, \%opt, sub {
        my ($soak, $notes) = @_;
        my $before = $soak->rest();
        my @times;

        srand($soak->{seed});

        for (1 .. $opt{times}) {
            _kill_layer($soak, int rand($opt{again} + 1));

            my $start = time();

            wait_until(20, sub { _all_held($soak, $before) })
                or die "The sessions aren't with a socket layer again\n";

            push @times, time() - $start;
            $soak->do('run 500', 60);
        }

        @times = sort { $a <=> $b } @times;
        push @$notes, sprintf '%d times, the sessions were held again after '
            . '%.2f s, %.2f s at most', $opt{times}, $times[@times / 2],
            $times[-1];

        # and by that their processes can be followed

        $soak->do("kill $opt{users} 0 20000 20 20", 600);

        return $soak->settle();
    });
}


# A layer is killed, and some of those that come in its place, when they have some
# of its sessions: others are on their way, or move.

sub _kill_layer {
    my ($soak, $again) = @_;
    my @layers = $soak->layers();
    my $victim = $layers[rand @layers];
    my $held = descriptors($victim);

    kill 'KILL', $victim;

    for (1 .. $again) {
        my ($some, $new) = (int rand $held);

        wait_until(20, sub {
            ($new) = grep { my $pid = $_; !grep { $_ == $pid } @layers }
                $soak->layers();
            return $new && (descriptors($new) || 0) >= $some;
        }) or die "No socket layer comes, or it gets no sessions\n";

        kill 'KILL', $new;
        push @layers, $new;
    }

    return;
}


# There are as many socket layers as there were, with as many descriptors, and
# every user has one process, which is a child of one of them: another death
# before that is a second failure at the same moment.

sub _all_held {
    my ($soak, $before) = @_;
    my @layers = $soak->layers();
    my %child = map { $_ => 1 } map { children($_) } @layers;
    my @users = $soak->users();
    my $n = 0;

    $n += descriptors($_) || 0 for @layers;

    return @layers == $soak->{layers}
        && $n >= $before->{'descriptors of layers'}
        && @users == $before->{users} && @users == grep { $child{$_} } @users;
}


sub upgrade {
    my ($t, %opt) = @_;

    %opt = (users => 50, times => 20, layers => 2, pace => 5000, %opt,
        log => [ qr/socket layer/ ]);

    return _scenario($t, \%opt, sub {
        my ($soak, $notes, $problems) = @_;
        my $before = $soak->rest();

        srand($soak->{seed});

        for my $n (1 .. $opt{times}) {
            my $index = int rand $opt{layers};

            system(irc_client(), '--sockets', '--upgrade',
                "--run-path=$soak->{dir}/run", "--index=$index") == 0
                or die "irc-client --upgrade exited with $?\n";

            if ($n % 3 == 0) {
                kill 'KILL', grep { title($_) =~ / $index$/ } $soak->layers();
                wait_until(20, sub { _all_held($soak, $before) })
                    or die "The sessions aren't with a socket layer again\n";
            }

            $soak->do('run 500', 60);
        }

        $soak->do("kill $opt{users} 0 20000 20 20", 600);

        return $soak->settle();
    });
}


# A corrupted session may lose its state or its life. It is that of one of the
# first half of the users; the other half's are as good as ever.

sub corrupt {
    my ($t, %opt) = @_;

    die "Other processes' segments are root's alone to change\n" if $> != 0;

    %opt = (users => 50, times => 200, pace => 5000, %opt,
        conf => 'eirc_crash_limit 3 60s;',
        log => [ qr/exited (?:on signal|with code 3)|segment can't be trusted/,
            qr/state of the session|lost its state|broken record/,
            qr/the process has gone|malformed record|broke the rules/ ]);

    return _scenario($t, \%opt, sub {
        my ($soak, $notes, $problems) = @_;
        my %user;

        srand($soak->{seed});

        my ($done, $end) = (0, time() + 600);

        while ($done < $opt{times} && time() < $end) {
            my $user = int rand($opt{users} / 2);
            my ($pid) = grep { title($_) =~ /\D$user$/ } $soak->users();

            if (!$pid) {
                $soak->do('run 20', 60);
                next;
            }

            $soak->do("lenient $user", 10);
            _flip($pid) or next;
            kill 'KILL', $pid;
            $user{$user}++;
            $done++;
            $soak->do('run 200', 60);
        }

        my $f = $soak->settle();
        my $deaths = _deaths($soak);
        my ($most) = sort { $b <=> $a } values %{ $deaths->{sessions} };

        push @$notes, sprintf '%d users, ends of processes: %s; by themselves '
            . 'of one session %d at most', scalar keys %user,
            join(', ', map { "$_: $deaths->{ways}{$_}" }
                sort keys %{ $deaths->{ways} }), $most || 0;
        push @$problems, "a session died $most times"
            if ($most || 0) > DEATHS;

        return $f;
    }, qw/ spoiled strange ends quits gaps errors waved connections /);
}


# Some bits, most of them in the first page, where positions and counts are.

sub _flip {
    my ($pid) = @_;

    open my $fh, '+<:raw', "/proc/$pid/fd/" . FD_SEGMENT or return 0;

    for (0 .. rand 4) {
        my $at = int(rand 10) < 7 ? int rand 4096 : int rand -s $fh;

        sysseek($fh, $at, 0);
        sysread($fh, my $byte, 1) or return 0;
        sysseek($fh, $at, 0);
        syswrite($fh, chr(ord($byte) ^ 1 << int rand 8));
    }

    return 1;
}


sub _deaths {
    my ($soak) = @_;
    my %deaths = (ways => {}, sessions => {});

    for my $line ($soak->log('eirc.log')) {
        next if $line !~ /\*(\S+) worker \d+ exited (.*)$/;
        $deaths{ways}{$2}++;
        $deaths{sessions}{$1}++ if $2 !~ /^on signal 9$|^with code 0$/;
    }

    return \%deaths;
}


sub all {
    my ($t, %opt) = @_;

    %opt = (users => 50, seconds => 600, layers => 2, reload => 3,
        max => 20000, %opt, resume => 1);

    return _scenario($t, \%opt, sub {
        my ($soak, $notes) = @_;
        my $end = time() + $opt{seconds};
        my %done;

        srand($soak->{seed});

        while (time() < $end) {
            my $what = (qw/ kills cuts both quiet /)[rand 4];

            $done{$what}++;

            if ($what eq 'kills') {
                $soak->do('kill 100 0 20000 25 25', 600);

            } elsif ($what eq 'quiet') {
                $soak->do('run 10000', 60);

            } else {
                _cut($soak, { %opt, cuts => 50,
                    kills => $what eq 'both' ? 50 : 0 });
            }
        }

        push @$notes, join ', ', map { "$_ $done{$_} times" } sort keys %done;

        return $soak->settle();
    });
}


# The frame of all scenarios: everybody comes, talks, and leaves, and nothing
# is left behind.

sub _scenario {
    my ($t, $opt, $code, @allowed) = @_;
    my (@notes, @problems);

    $opt->{pace} ||= 0;

    my $soak = EIRC::Soak->new($t, %$opt)->start();

    $soak->do('come', 90);

    my $before = $soak->rest();

    _talk($soak, $opt);
    $soak->do('run ' . ($opt->{pace} > 1_000_000 ? 1 : 20) * $opt->{users}, 60);

    my $figures = $code->($soak, \@notes, \@problems);

    push @notes, sprintf '%d lines up, %d down', $figures->{up},
        $figures->{down};
    push @problems, $soak->problems($figures, map { $_ => 1 } @allowed);

    push @problems, $soak->left($before) if !@allowed;

    $soak->do('leave', 60);
    push @problems, 'users are left' if !wait_until(15, sub {
        return !$soak->users();
    });

    my $left = $soak->stop();
    push @problems, "$left processes are left" if $left;

    my @logged = $soak->logged(qr/exited on signal 9/,
        qr/\d+ events not logged/, @{ $opt->{log} || [] });
    push @problems, 'logged: ' . @logged . ' lines, ' . join '', @logged[0 ..
        ($#logged < 5 ? $#logged : 5)] if @logged;

    return { figures => $figures, problems => \@problems, notes => \@notes };
}


sub _talk {
    my ($soak, $opt) = @_;

    $soak->do('mark', 10);
    $soak->do(sprintf('talk %d %d', $opt->{window} || 16, $opt->{pace} || 0),
        10);

    return;
}


sub _pause {
    my ($what, $h) = @_;

    return sprintf 'pause %s, ms: p50 %.1f, p90 %.1f, p99 %.1f, max %.1f',
        $what, map { $h->{$_} / 1000 } qw/ p50 p90 p99 max /;
}


1;
