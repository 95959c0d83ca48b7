package EIRC::Anope;

# Real services, Debian's Anope, linked with an InspIRCd, for the time of a
# test: NickServ with registration and enforcement of nicks, and SASL (PLAIN
# and EXTERNAL).
#
#   my $anope = EIRC::Anope->new($t, %opt);
#       port => 8095       the name of the port to link by (see port())
#       sasl => 0          no SASL: NickServ alone
#   my $ircd = EIRC::InspIRCd->new($t, config => $anope->config() . ...);
#   $ircd->start();
#   $anope->start()        starts it, and waits until it is linked; dies if it
#                          can't be
#   $anope->stop()
#   $anope->register($ircd->port(), 'nick', 'password')
#                          registers a nick, and waits for NickServ's yes
#   $anope->log()          text of its log: what it says and hears
#
# The services end with the object at the latest.

use warnings;
use strict;

use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use POSIX qw/ WNOHANG /;

use Test::Nginx ();
use EIRC::Client;
use EIRC::Processes qw/ wait_until /;

use constant TIMEOUT => 15;

my $name = 'services.localhost';


sub new {
    my ($class, $t, %opt) = @_;

    # root would have to wait for a warning, so it is somebody else, who can't
    # get into the test's directory then

    my $dir = tempdir('eirc-anope-XXXXXX', TMPDIR => 1);

    my $self = bless {
        owner => $$,
        pid => 0,
        port => Test::Nginx::port($opt{port} || 8095),
        dir => $dir,
        sasl => !exists $opt{sasl} || $opt{sasl},
        password => join('', map { sprintf '%02x', int rand 256 } 1 .. 8),
    }, $class;

    mkdir "$dir/$_" or die "Can't make $dir/$_: $!\n" for qw/ db logs /;

    _write("$dir/motd", "Hello.\n");
    _write("$dir/services.conf", $self->_services());

    if ($> == 0) {
        my ($uid, $gid) = (getpwnam 'nobody')[2, 3];

        chown $uid, $gid, $dir, "$dir/db", "$dir/logs";
        $self->{user} = [ $uid, $gid ];
    }

    return $self;
}


# What InspIRCd has to know.

sub config {
    my ($self) = @_;
    my $sasl = $self->{sasl} ? '<module name="cap"><module name="sasl">'
        . "<sasl target=\"$name\" requiressl=\"no\">\n" : '';

    return <<"EOC" . $sasl;
<module name="spanningtree">
<module name="services_account">
<module name="hidechans">
<module name="svshold">
<bind address="127.0.0.1" port="$self->{port}" type="servers">
<link name="$name" ipaddr="127.0.0.1" port="$self->{port}"
    allowmask="127.0.0.1/32" sendpass="$self->{password}"
    recvpass="$self->{password}">
<uline server="$name" silent="yes">
EOC
}


sub start {
    my ($self) = @_;
    my $dir = $self->{dir};
    my $pid = fork();

    die "Can't fork: $!\n" if !defined $pid;

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/output";
        open STDERR, '>&', \*STDOUT;

        if ($self->{user}) {
            $) = "$self->{user}[1] $self->{user}[1]";
            POSIX::setgid($self->{user}[1]);
            POSIX::setuid($self->{user}[0]);
        }

        $ENV{PATH} .= ':/usr/sbin';
        chdir $dir;
        exec 'anope', '--nofork', "--confdir=$dir", "--dbdir=$dir/db",
            "--logdir=$dir/logs", '--modulesdir=/usr/lib/anope',
            '--localedir=/usr/share/anope/locale' or POSIX::_exit(1);
    }

    $self->{pid} = $pid;

    # behind the end of its burst it knows everybody

    my $up = wait_until(TIMEOUT, sub {
        return $self->log() =~ /Received: \S+ ENDBURST/
            || waitpid($pid, WNOHANG) != 0;
    });

    if (!$up || !CORE::kill(0, $pid)) {
        $self->{pid} = 0 if !CORE::kill(0, $pid);
        my $words = _read("$dir/output") . $self->log();
        $self->stop();
        die "Can't start Anope\n$words";
    }

    return $self;
}


sub stop {
    my ($self) = @_;
    my $pid = $self->{pid};

    return $self if !$pid;

    $self->{pid} = 0;
    CORE::kill('TERM', $pid);

    if (!wait_until(TIMEOUT, sub { waitpid($pid, WNOHANG) != 0 })) {
        CORE::kill('KILL', $pid);
        waitpid($pid, 0);
    }

    return $self;
}


sub register {
    my ($self, $port, $nick, $password) = @_;
    my $client = EIRC::Client->new($port, $nick);

    $client->say('NickServ', "REGISTER $password $nick\@example.org");
    $client->expect(qr/^:NickServ!\S+ NOTICE \S+ :.*registered/i)
        or die "Can't register $nick:\n" . join("\n", $client->lines());
    $client->quit();

    return $self;
}


sub log {
    my ($self) = @_;
    return join '', map { _read($_) } glob "$self->{dir}/logs/services.log.*";
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $@, $!);
    $self->stop();
    remove_tree($self->{dir});

    return;
}


sub _services {
    my ($self) = @_;
    my $sasl = $self->{sasl} ? "module { name = \"m_sasl\"; }\n" : '';

    return <<"EOC" . $sasl;
uplink
{
    host = "127.0.0.1";
    port = $self->{port};
    password = "$self->{password}";
}
serverinfo
{
    name = "$name";
    description = "Services";
    pid = "$self->{dir}/services.pid";
    motd = "$self->{dir}/motd";
}
module { name = "inspircd3"; }
networkinfo
{
    networkname = "eIRC";
    nicklen = 30;
    userlen = 10;
    hostlen = 64;
    chanlen = 64;
}
options
{
    casemap = "rfc1459";
    seed = 1;
    updatetimeout = 1h;
    expiretimeout = 1h;
    readtimeout = 1s;
    warningtimeout = 4h;
    timeoutcheck = 1s;
    retrywait = 1s;
}
log
{
    target = "services.log";
    logage = 1;
    admin = "*";
    override = "*";
    commands = "*";
    servers = "*";
    channels = "*";
    users = "*";
    other = "*";
    rawio = yes;
    debug = yes;
}
service
{
    nick = "NickServ";
    user = "services";
    host = "$name";
    gecos = "Nickname Registration Service";
}
module
{
    name = "nickserv";
    client = "NickServ";
    defaults = "ns_secure killprotect kill_quick";
    regdelay = 0s;
    expire = 1d;
    maxaliases = 16;
    accessmax = 32;
    enforceruser = "enforcer";
    enforcerhost = "$name";
    releasetimeout = 1m;
    killquick = 1s;
    kill = 2s;
    guestnickprefix = "Guest";
}
module { name = "ns_set"; }
module { name = "ns_register"; registration = "none"; }
command
{
    service = "NickServ";
    name = "REGISTER";
    command = "nickserv/register";
}
module { name = "ns_identify"; }
command
{
    service = "NickServ";
    name = "IDENTIFY";
    command = "nickserv/identify";
}
module { name = "ns_cert"; max = 5; }
command { service = "NickServ"; name = "CERT"; command = "nickserv/cert"; }
module { name = "db_flatfile"; database = "anope.db"; fork = no; }
module { name = "enc_sha256"; }
EOC
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
