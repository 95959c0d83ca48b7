package EIRC::InspIRCd;

# A real InspIRCd on a free port, for the time of a test.
#
#   my $ircd = EIRC::InspIRCd->new($t, %opt);
#       port => 8090       the name of its port (see port() of Test::Nginx)
#       flood => 0         no fake lag: lines are taken as fast as they come
#       commandrate => 1000, recvq => '16K'   its flood protection
#       hardsendq => '1M', somaxconn => 1024  its other limits
#       motd => $text      '' for none (422 in place of 376)
#       connect => $text   more of what holds for those who connect
#       config => $text    more configuration, in InspIRCd's own language
#       name => 'inspircd' folder below the test directory, when there are two
#
#   $ircd->start()     starts it and waits until it answers; dies if it doesn't
#   $ircd->stop()      stops it and waits for its end (SIGTERM)
#   $ircd->kill()      the same, without giving it time for a word (SIGKILL)
#   $ircd->pause(), $ircd->resume()     SIGSTOP, SIGCONT
#   $ircd->port()      the real port
#   $ircd->pid()       its process, 0 when it doesn't run
#   $ircd->log()       text of its log
#
# The configuration is that of ./build.sh run (src/run/inspircd.conf.in).
# The server ends with the object at the latest.

use warnings;
use strict;

use Cwd qw/ abs_path /;
use File::Basename qw/ dirname /;
use IO::Socket::INET;
use POSIX qw/ WNOHANG /;
use Time::HiRes qw/ time /;

use Test::Nginx ();
use EIRC::Processes qw/ wait_until /;

use constant TIMEOUT => 10;

my $template = abs_path(dirname(__FILE__) . '/../../..')
    . '/src/run/inspircd.conf.in';


sub new {
    my ($class, $t, %opt) = @_;

    my $self = bless {
        owner => $$,
        pid => 0,
        port => Test::Nginx::port($opt{port} || 8090),
        dir => $t->testdir() . '/' . ($opt{name} || 'inspircd'),
    }, $class;

    mkdir $self->{dir} or die "Can't make $self->{dir}: $!\n";

    my $motd = defined $opt{motd} ? $opt{motd} : 'Welcome.';
    _write("$self->{dir}/motd.txt", "$motd\n") if $motd ne '';

    my %value = (
        DIR => $self->{dir},
        IRC_PORT => $self->{port},
        FAKELAG => defined $opt{flood} && !$opt{flood} ? 'off' : 'on',
        MORE => $opt{config} || '',
    );

    my $text = _read($template);
    $text =~ s/\@([A-Z_]+)\@/$value{$1}/g;

    # without fake lag whoever exceeds the threshold is thrown out

    $text =~ s/threshold="\d+"/threshold="1000000"/
        if $value{FAKELAG} eq 'off';

    $text =~ s/(<connect name="everybody")/$1 $opt{connect}/
        if defined $opt{connect};

    for my $name (qw/ commandrate recvq hardsendq somaxconn /) {
        $text =~ s/ $name="\w+"/ $name="$opt{$name}"/
            if defined $opt{$name};
    }

    _write("$self->{dir}/inspircd.conf", $text);

    return $self;
}


sub start {
    my ($self) = @_;
    my $pid = fork();

    die "Can't fork: $!\n" if !defined $pid;

    if ($pid == 0) {
        my @command = ('inspircd', "--config=$self->{dir}/inspircd.conf",
            '--nofork');
        push @command, '--runasroot' if $> == 0;

        $ENV{PATH} .= ':/usr/sbin';
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/output";
        open STDERR, '>&', \*STDOUT;

        # should it crash, its core file is no part of the sources

        chdir $self->{dir};
        exec { $command[0] } @command or POSIX::_exit(1);
    }

    $self->{pid} = $pid;

    my $up = wait_until(TIMEOUT, sub {
        return 1 if waitpid($pid, WNOHANG) != 0;
        return IO::Socket::INET->new(Proto => 'tcp',
            PeerAddr => "127.0.0.1:$self->{port}");
    });

    if (!$up || !CORE::kill(0, $pid)) {
        $self->{pid} = 0 if !CORE::kill(0, $pid);
        $self->kill();
        die "Can't start InspIRCd\n" . _read("$self->{dir}/output");
    }

    return $self;
}


sub stop {
    my ($self) = @_;
    return $self->_end('TERM');
}


sub kill {
    my ($self) = @_;
    return $self->_end('KILL');
}


sub pause {
    my ($self) = @_;

    CORE::kill('STOP', $self->{pid}) if $self->{pid};

    return $self;
}


sub resume {
    my ($self) = @_;

    CORE::kill('CONT', $self->{pid}) if $self->{pid};

    return $self;
}


sub port { return $_[0]{port} }
sub pid { return $_[0]{pid} }


sub log {
    my ($self) = @_;
    return _read("$self->{dir}/inspircd.log");
}


sub _end {
    my ($self, $signal) = @_;
    my $pid = $self->{pid};

    return $self if !$pid;

    $self->{pid} = 0;
    CORE::kill($signal, $pid);
    CORE::kill('CONT', $pid);

    if (!wait_until(TIMEOUT, sub { waitpid($pid, WNOHANG) != 0 })) {
        CORE::kill('KILL', $pid);
        waitpid($pid, 0);
    }

    return $self;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $@, $!);
    $self->stop();

    return;
}


sub _read {
    my ($path) = @_;

    open my $fh, '<', $path or return '';
    local $/;
    my $text = <$fh>;

    return defined $text ? $text : '';
}


sub _write {
    my ($path, $text) = @_;

    open my $fh, '>', $path or die "Can't create $path: $!\n";
    print $fh $text;
    close $fh or die "Can't write $path: $!\n";

    return;
}


1;
