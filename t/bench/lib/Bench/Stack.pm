package Bench::Stack;

# What is measured, started anew for each measurement: an IRC server, and
# what users reach it through.
#
#   my $stack = Bench::Stack->new($dir, %opt)->start();
#       system => 'raw'        users connect to the server's plain port
#                 'ws'         ... to its own WebSocket
#                 'proxy'      ... to nginx, which passes that on
#                 'eirc'       ... to eIRC, which connects to the plain port
#       ircd => 'inspircd'     or 'scripted', which answers at once
#       users => 1000          how many will come
#       tls => 1               eIRC connects to InspIRCd with TLS
#       objs => $dir, nginx => $path, module => $path, client => $path
#       pin => 0               nginx workers aren't kept on one CPU each
#
#   $stack->load()        arguments for the load (t/bench/load.c)
#   $stack->pids()        { ircd => [...], nginx => [...], layers => [...] }
#   $stack->clients()     { fixed => [...], users => [...] }: irc-client
#   $stack->left()        how much of all there is, in words; two such texts
#                         differ where something was left behind
#   $stack->troubles()    lines of nginx's error log that shouldn't be there
#   $stack->stop()

use warnings;
use strict;

use File::Copy qw/ copy /;
use File::Path qw/ make_path remove_tree /;
use IO::Socket::INET;
use POSIX qw/ WNOHANG ceil /;
use Socket qw/ IPPROTO_TCP TCP_NODELAY /;

use Test::Nginx ();
use EIRC::InspIRCd;
use EIRC::Processes;
use EIRC::TLS;

use constant TIMEOUT => 20;

# the same on all machines that Linux numbers anew
use constant SYS_PIDFD_OPEN => 434;
use constant SYS_PIDFD_GETFD => 438;

# sessions that a socket layer has descriptors for, with some room
use constant SESSIONS => 4000;


sub new {
    my ($class, $dir, %opt) = @_;

    my $self = bless { owner => $$, dir => $dir, ircd => 'inspircd',
        system => 'eirc', users => 1000, pin => 1, %opt }, $class;

    # as anywhere, nginx's workers and what they start are nobody's in
    # particular, and reach what is theirs

    make_path("$dir/tmp");
    for my $suffix ('', '-template') {
        my ($from, $to) = ("$self->{client}$suffix", "$dir/irc-client$suffix");

        next if -e $to || !-e $from;

        copy($from, $to) && chmod 0755, $to or die "$from: $!\n";
    }

    $self->{client} = "$dir/irc-client";

    $self->{port} = {
        irc => Test::Nginx::port(8090),
        ws => Test::Nginx::port(8091),
        tls => Test::Nginx::port(8092),
        http => Test::Nginx::port(8080),
    };

    return $self;
}


# for EIRC::InspIRCd

sub testdir { return $_[0]{dir} }


sub start {
    my ($self) = @_;

    $self->{ircd} eq 'inspircd' ? $self->_start_inspircd()
        : $self->_start_scripted();

    if ($self->{system} =~ /^(?:proxy|eirc)$/) {
        $self->_start_nginx();
    }

    return $self;
}


sub load {
    my ($self) = @_;
    my $port = $self->{port};

    return {
        raw => [ 'raw', $port->{irc} ],
        ws => [ 'ws', $port->{ws} ],
        proxy => [ 'ws', $port->{http} ],
        eirc => [ 'eirc', $port->{http}, '/chat' ],
    }->{ $self->{system} };
}


sub _start_inspircd {
    my ($self) = @_;
    my ($dir, $port) = @{$self}{qw/ dir port /};

    my $config = <<EOC;
<module name="sha1">
<module name="websocket">
<websocket defaultmode="text">
<wsorigin allow="*">
<bind address="127.0.0.1" port="$port->{ws}" type="clients" hook="websocket">
EOC

    if ($self->{tls}) {
        my $certs = EIRC::TLS->certificates($dir);

        $config .= <<EOC;
<module name="ssl_gnutls">
<sslprofile name="clients" provider="gnutls" cafile="" crlfile=""
    certfile="$dir/good.pem" keyfile="$dir/good.key" hash="sha256">
<bind address="127.0.0.1" port="$port->{tls}" type="clients"
    sslprofile="clients">
EOC
    }

    $self->{server} = EIRC::InspIRCd->new($self, flood => 0,
        commandrate => 1000000, recvq => '64K', hardsendq => '64M',
        somaxconn => 4096, config => $config)->start();

    $self->{pids}{ircd} = [ $self->{server}->pid() ];
    _no_delay($self->{server}->pid());

    return;
}


# InspIRCd leaves Nagle's algorithm on: whoever hears two lines within 40 ms
# has the second when the first was acknowledged, and that is what would be
# measured.  Connections have what the socket has that accepted them, and that
# one can be had from its process.

sub _no_delay {
    my ($pid) = @_;
    my $pidfd = syscall SYS_PIDFD_OPEN, $pid, 0;

    die "pidfd_open() failed: $!\n" if $pidfd < 0;

    for my $fd (map { m!/(\d+)$! } glob "/proc/$pid/fd/*") {
        next if (readlink "/proc/$pid/fd/$fd" || '') !~ /^socket:/;

        my $copy = syscall SYS_PIDFD_GETFD, $pidfd, $fd + 0, 0;
        die "pidfd_getfd() failed: $!\n" if $copy < 0;

        open my $socket, '+<&=', $copy or die "Can't open a socket: $!\n";
        setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    }

    POSIX::close($pidfd);

    return;
}


sub _start_scripted {
    my ($self) = @_;
    my $port = $self->{port};

    $self->{scripted} = $self->_spawn('ircd', "$self->{objs}/bench/ircd",
        $port->{irc}, $port->{ws});
    $self->_wait_port($port->{irc}, $self->{scripted}, 'the scripted server');
    $self->{pids}{ircd} = [ $self->{scripted} ];

    return;
}


sub _start_nginx {
    my ($self) = @_;
    my $dir = $self->{dir};

    open my $fh, '>', "$dir/nginx.conf" or die "Can't write there: $!\n";
    print $fh $self->_nginx_conf();
    close $fh or die "Can't write there: $!\n";

    my $pid = $self->_spawn('nginx', $self->{nginx}, '-p', "$dir/", '-c',
        "$dir/nginx.conf", '-e', "$dir/error.log");

    $self->{master} = $pid;
    $self->_wait_port($self->{port}{http}, $pid, 'nginx');

    my @layers;

    if ($self->{system} eq 'eirc') {
        my $n = $self->_layers();

        wait_until(TIMEOUT, sub {
            @layers = grep { title($_) =~ /: sockets \d+$/ }
                processes($dir, exe => $self->{client});

            return @layers == $n
                && 2 * $n == map { children($_) } @layers;
        }) or die "The socket layers don't come\n";
    }

    $self->{pids}{nginx} = [ $pid, children($pid) ];
    $self->{pids}{layers} = \@layers;

    return;
}


sub _layers {
    my ($self) = @_;
    my $least = ceil($self->{users} / SESSIONS);
    my $workers = _cpus();

    return $least > $workers ? $least : $workers;
}


sub _cpus {
    open my $fh, '<', '/proc/stat' or return 1;

    return scalar grep { /^cpu\d/ } <$fh>;
}


sub _nginx_conf {
    my ($self) = @_;
    my $eirc = $self->{system} eq 'eirc';
    my $location = $eirc ? $self->_eirc_locations() : <<EOC;
        location / {
            proxy_pass          http://127.0.0.1:$self->{port}{ws};
            proxy_http_version  1.1;
            proxy_set_header    Upgrade \$http_upgrade;
            proxy_set_header    Connection upgrade;
            proxy_read_timeout  1h;
        }
EOC

    my $user = $> == 0 ? 'user nobody nogroup;' : '';
    my $load = $eirc ? "load_module $self->{module};" : '';
    my $pin = $self->{pin} ? 'worker_cpu_affinity auto;' : '';
    my $workers = _cpus();
    my $temp = join "\n", map { "    ${_}_temp_path tmp;" }
        qw/ client_body proxy fastcgi uwsgi scgi /;
    my $client = $eirc ? $self->_eirc_client() : '';

    return <<EOC;
$user
$load
daemon off;
worker_processes $workers;
$pin
worker_rlimit_nofile 20000;
pid nginx.pid;
lock_file nginx.lock;
error_log error.log warn;

events {
    worker_connections 20000;
}

http {
$temp
    access_log off;
$client
    server {
        listen 127.0.0.1:$self->{port}{http} backlog=4096 reuseport;

$location
    }
}
EOC
}


sub _eirc_client {
    my ($self) = @_;
    my $n = $self->_layers();
    my $ca = $self->{tls} ? "eirc_irc_tls_ca $self->{dir}/ca.pem;" : '';

    return <<EOC;
    eirc_client $self->{client} processes=$n;
    eirc_run_path run;
    eirc_token_zone eirc:64m timeout=30m;
    eirc_limit 0;
    eirc_rate off;
    eirc_flood off;
    $ca
EOC
}


sub _eirc_locations {
    my ($self) = @_;
    my $pass = $self->{tls} ? "ircs://localhost:$self->{port}{tls}"
        : "irc://127.0.0.1:$self->{port}{irc}";

    return <<EOC;
        location = /chat {
            eirc_pass $pass;
        }

        location = /token {
            eirc_token_issue on;
        }
EOC
}


sub pids { return $_[0]{pids} }


sub clients {
    my ($self) = @_;
    my %clients = (fixed => [ @{ $self->{pids}{layers} || [] } ],
        users => []);

    for my $pid (map { _offspring($_) } @{ $self->{pids}{layers} || [] }) {
        my $name = _comm($pid);

        push @{ $clients{ $name =~ /^(?:template|connect|relay)$/ ? 'fixed'
            : 'users' } }, $pid;
    }

    return \%clients;
}


# the file that has all children of a process in one line

sub _offspring {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/task/$pid/children" or return ();
    my $line = <$fh>;

    return defined $line ? split ' ', $line : ();
}


sub _comm {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/comm" or return '';
    my $name = <$fh>;
    $name = '' if !defined $name;
    chomp $name;

    return $name;
}


sub left {
    my ($self) = @_;
    my $pids = $self->{pids};
    my $files = 0;
    my @dirs = ($self->{dir});

    while (defined(my $dir = shift @dirs)) {
        opendir my $dh, $dir or next;

        for my $name (grep { !/^\.\.?$/ } readdir $dh) {
            $files++;
            push @dirs, "$dir/$name" if -d "$dir/$name" && !-l "$dir/$name";
        }
    }

    my $clients = $self->clients();

    return sprintf 'users %d, descriptors %s, files %d',
        scalar @{ $clients->{users} },
        join('+', map { descriptors($_) // 0 } @{ $pids->{ircd} },
            @{ $pids->{nginx} || [] }, @{ $clients->{fixed} }), $files;
}


sub troubles {
    my ($self) = @_;

    open my $fh, '<', "$self->{dir}/error.log" or return ();

    return grep { /\[(?:emerg|alert|crit|error|warn)\]/ } <$fh>;
}


sub stop {
    my ($self) = @_;
    my $dir = $self->{dir};

    for my $name (qw/ master scripted /) {
        my $pid = delete $self->{$name} or next;

        kill 'TERM', $pid;

        if (!wait_until(TIMEOUT, sub { waitpid($pid, WNOHANG) != 0 })) {
            kill 'KILL', $pid;
            waitpid($pid, 0);
        }
    }

    if ($self->{server}) {
        $self->{server}->stop();
        delete $self->{server};
    }

    # the socket layers end by themselves, two seconds after nginx

    for my $pid (@{ delete $self->{pids}{layers} || [] }) {
        next if wait_for_end($pid, TIMEOUT);
        warn "A socket layer had to be killed\n";
        kill 'KILL', $pid;
    }

    remove_tree($dir);

    return;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $@, $!);
    $self->stop();

    return;
}


sub _spawn {
    my ($self, $name, @command) = @_;
    my $pid = fork();

    die "Can't fork: $!\n" if !defined $pid;

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/$name.output";
        open STDERR, '>&', \*STDOUT;

        exec { $command[0] } @command or POSIX::_exit(1);
    }

    return $pid;
}


sub _wait_port {
    my ($self, $port, $pid, $what) = @_;

    wait_until(TIMEOUT, sub {
        die "$what doesn't start\n" if waitpid($pid, WNOHANG) != 0;

        return IO::Socket::INET->new(Proto => 'tcp',
            PeerAddr => "127.0.0.1:$port");
    }) or die "$what doesn't answer\n";

    return;
}


1;
