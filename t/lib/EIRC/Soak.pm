package EIRC::Soak;

# nginx with eIRC between browsers and an IRC server that are played by one
# program (t/soak/), which knows what each end has sent.
#
#   my $soak = EIRC::Soak->new($t, %opt)->start();
#       users => 50
#       resume => 1            browsers ask for sessions that can be resumed
#       workers => 2           of nginx
#       layers => 2            socket layers
#       seed => N              of all that is random in the peers
#       conf => $text          more directives, in http
#       irc => 'tcp'           how the IRC server is reached; or tls, unix
#
#   $soak->ask($command)       see t/soak/soak.c
#   $soak->wait($name, $seconds)       its answer; dies if there is none
#   $soak->do($command, $seconds)      both
#   $soak->settle()            all arrives; the figures, as a hash
#   $soak->layers()            pids of the socket layers
#   $soak->users()             pids of users' processes
#   $soak->workers()           pids of nginx's workers
#   $soak->reload()            SIGHUP
#   $soak->rest()              how many descriptors, processes and files there
#                              are once that doesn't change any more: a hash
#   $soak->left($before)       what is more than it was, in words
#   $soak->stop()
#   $soak->problems($figures, lost => 1, ...)   what is wrong with them, in
#                              words, but for what is allowed
#   $soak->logged(qr/../, ...)   lines of the logs that shouldn't be there;
#                              but for those expected
#   $soak->log('eirc.log')     lines of a log, wherever it is

use warnings;
use strict;

use JSON::PP;
use IO::Select;
use POSIX qw/ WNOHANG /;
use Time::HiRes qw/ time /;

use Test::Nginx qw/ :DEFAULT /;
use EIRC::Processes;


sub new {
    my ($class, $t, %opt) = @_;

    my $self = bless {
        users => 50, resume => 0, workers => 2, layers => 1, seed => 1,
        conf => 'eirc_crash_limit 100 1s;', irc => 'tcp', owner => $$, %opt, t => $t,
    }, $class;

    # nobody else's processes may be taken for those of this run

    open my $fh, '<:raw', '/dev/urandom' or die "No /dev/urandom: $!\n";
    read $fh, my $bytes, 6;
    $self->{prefix} = join '', map { ('a' .. 'z')[$_ % 26] }
        unpack 'C*', $bytes;

    return $self;
}


sub start {
    my ($self) = @_;
    my $t = $self->{t};

    $t->write_file_expand('nginx.conf', $self->_conf());

    # a log of each event would be the load

    $t->write_file('nginx.conf', $t->read_file('nginx.conf')
        =~ s/^(error_log \S+) debug;/$1 notice;/mr
        =~ s/^access_log [^;]*;/access_log off;/mr);
    $t->run();

    $self->{dir} = $t->testdir();
    ($self->{master}) = $t->read_file('nginx.pid') =~ /(\d+)/;

    wait_until(10, sub {
        my @layers = $self->layers();

        return @layers == $self->{layers}
            && 2 * @layers == map { children($_) } @layers;
    }) or die "The socket layers don't come\n";

    $self->_peers();

    return $self;
}


sub _conf {
    my ($self) = @_;
    my $t = $self->{t};
    my $client = irc_client();
    my $pass = {
        tcp => 'irc://127.0.0.1:8082',
        tls => 'ircs://127.0.0.1:8082',
        unix => 'unix:%%TESTDIR%%/irc',
    }->{ $self->{irc} };

    return <<EOC;

%%TEST_GLOBALS%%

daemon off;
worker_processes $self->{workers};
worker_rlimit_nofile 20000;
worker_shutdown_timeout 20s;

events {
    worker_connections 10000;
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client $client processes=$self->{layers};
    eirc_run_path %%TESTDIR%%/run;
    eirc_limit 0;
    eirc_rate off;
    eirc_flood off;
    eirc_token_zone soak:32m;
    eirc_irc_tls_verify off;
    $self->{conf}

    server {
        listen 127.0.0.1:8080 backlog=4096;

        location /chat {
            eirc_auth_request /auth;
            eirc_pass $pass;
        }

        location /auth {
            internal;
            proxy_pass http://127.0.0.1:8081/\$eirc_token;
        }
    }

    server {
        listen 127.0.0.1:8081 backlog=4096;

        location ~ ^/([a-z]+\\d+)-\\d+\$ {
            default_type application/json;
            return 200 '{"nick":"\$1","channels":["soak"]}';
        }
    }
}
EOC
}


sub _peers {
    my ($self) = @_;
    my @command = ($ENV{EIRC_SOAK} || objs() . '/soak', 'http=' . port(8080),
        'irc=' . ($self->{irc} eq 'unix' ? "$self->{dir}/irc" : port(8082)),
        'certificate=' . $self->_certificate(), "users=$self->{users}",
        "prefix=$self->{prefix}", "seed=$self->{seed}",
        'path=/chat?chat_token=');

    push @command, 'resume=/chat?resume=' if $self->{resume};

    pipe my $in, $self->{to} or die "pipe(): $!\n";
    pipe $self->{from}, my $out or die "pipe(): $!\n";

    my $pid = fork();
    die "Can't fork: $!\n" if !defined $pid;

    if (!$pid) {
        open STDIN, '<&', $in;
        open STDOUT, '>&', $out;
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    $self->{peers} = $pid;
    $self->{text} = '';
    $self->{to}->autoflush(1);
    $self->wait('begun', 10);

    return;
}


sub ask {
    my ($self, $command) = @_;

    local $SIG{PIPE} = 'IGNORE';
    print { $self->{to} } "$command\n";

    return $self;
}


sub _certificate {
    my ($self) = @_;
    my $file = "$self->{dir}/irc.pem";

    return '' if $self->{irc} ne 'tls';

    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
        . "-nodes -subj /CN=irc.soak -keyout $file -out $file.x "
        . "> $file.log 2>&1 && cat $file.x >> $file") == 0
        or die "No certificate: see $file.log\n";

    return $file;
}


# Answers that are not yet asked for are kept.

sub wait {
    my ($self, $name, $seconds) = @_;
    my $end = time() + $seconds;

    for ( ;; ) {
        if ($self->{text} =~ s/^(\Q$name\E(?: (.*))?)\n//m) {
            return defined $2 ? $2 : '';
        }

        my $left = $end - time();

        die "No answer to \"$name\" in $seconds s\n"
            if $left < 0 || !IO::Select->new($self->{from})->can_read($left);

        sysread($self->{from}, $self->{text}, 65536, length $self->{text})
            or die "The peers are gone\n";
    }
}


sub do {
    my ($self, $command, $seconds) = @_;

    $self->ask($command);

    return $self->wait($command =~ s/ .*//r, $seconds);
}


sub settle {
    my ($self) = @_;

    return decode_json($self->do('settle', 90));
}


sub layers {
    my ($self) = @_;

    return grep { title($_) =~ /: sockets \d+$/ } processes($self->{dir});
}


# Those of a dead layer are nobody's children, but have their user's name.

sub users {
    my ($self) = @_;

    return grep { title($_) =~ /^irc-client: \Q$self->{prefix}\E\d+$/ }
        map { m!/(\d+)$! } glob '/proc/[0-9]*';
}


sub workers {
    my ($self) = @_;

    return grep { title($_) =~ /worker process$/ } children($self->{master});
}


sub reload {
    my ($self) = @_;

    kill 'HUP', $self->{master};

    return $self;
}


sub rest {
    my ($self) = @_;
    my ($since, $before, $now) = (time(), '');

    wait_until(20, sub {
        $now = $self->_rest();
        my $words = join ' ', map { "$_ $now->{$_}" } sort keys %$now;

        ($since, $before) = (time(), $words) if $words ne $before;

        return time() - $since > 0.5;
    });

    return $now;
}


# A connection may have been about to be closed when it was counted first.

sub left {
    my ($self, $before) = @_;
    my $now = $self->rest();

    return map { "$_: $now->{$_}, before $before->{$_}" } grep {
        /descriptors/ ? $now->{$_} > $before->{$_} : $now->{$_} ne $before->{$_}
    } sort keys %$now;
}


sub _rest {
    my ($self) = @_;
    my $count = sub { my $n = 0; $n += $_ || 0 for @_; return $n };

    return {
        'descriptors of nginx' => $count->(map { descriptors($_) }
            $self->workers()),
        'descriptors of layers' => $count->(map { descriptors($_) }
            $self->layers()),
        'processes' => scalar(() = processes($self->{dir})),
        'users' => scalar(() = $self->users()),
        # a layer leaves a name behind by which its workers find the next one

        'files' => join(' ', grep { !/^after\./ } map { s!.*/!!r }
            sort glob "$self->{dir}/run/*"),
    };
}


sub problems {
    my ($self, $f, %allowed) = @_;
    my @problems;

    for my $name (qw/ lost doubled spoiled leaked strange ends quits gaps
        errors waved connections /)
    {
        push @problems, "$f->{$name} $name"
            if $f->{$name} && !$allowed{$name};
    }

    push @problems, "standing: $f->{standing} of $f->{users}"
        if $f->{standing} != $f->{users} && !$allowed{ends};
    push @problems, @{ $f->{trouble} };

    return @problems;
}


sub logged {
    my ($self, @expected) = @_;

    return grep {
        my $line = $_;
        $line =~ /\[(?:warn|error|crit|alert|emerg)\]/
            && !grep { $line =~ $_ } @expected;
    } $self->log('error.log'), $self->log('eirc.log');
}


sub log {
    my ($self, $name) = @_;
    my @lines;

    for my $file ("$self->{dir}/$name", "$self->{dir}/run/$name") {
        open my $fh, '<', $file or next;
        push @lines, <$fh>;
    }

    return @lines;
}


sub stop {
    my ($self) = @_;

    close $self->{to};

    if (!wait_until(10, sub { waitpid($self->{peers}, WNOHANG) != 0 })) {
        kill 'KILL', $self->{peers};
        waitpid($self->{peers}, 0);
    }

    delete $self->{peers};
    $self->{t}->stop();

    return wait_for(0, 20, $self->{dir});
}


sub DESTROY {
    my ($self) = @_;

    return if !$self->{peers} || $self->{owner} != $$;

    local ($?, $@, $!);

    kill 'KILL', $self->{peers};
    waitpid($self->{peers}, 0);

    # sessions that nobody has ended would look for their IRC server, where
    # another test's may be by then

    kill 'KILL', $self->layers(), $self->users();

    return;
}


1;
