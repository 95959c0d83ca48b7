package Test::Nginx;

# Starts nginx with a test's configuration and talks HTTP to it.
#
# The interface is that of the library of nginx's own test suite, as far as
# our tests need it, so that the same t/*.t run under either.  The code is
# our own.  What is said here only and not there isn't used in a t file.
#
# Environment:
#
#   TEST_NGINX_BINARY        the nginx to test, default: nginx on PATH
#   TEST_NGINX_GLOBALS       text for the main context (load_module ...;)
#   TEST_NGINX_GLOBALS_HTTP  text for http {}
#   TEST_NGINX_VERBOSE       print the conversation (with prove -v)
#   TEST_NGINX_LEAVE         keep the test directory
#   TEST_NGINX_CATLOG        print error.log at the end

use warnings;
use strict;

use base qw/ Exporter /;

our @EXPORT = qw/ log_in log_out http http_get http_head port /;
our @EXPORT_OK = qw/ http_start http_end http_content /;
our %EXPORT_TAGS = ();

use Cwd qw/ abs_path /;
use File::Path qw/ rmtree /;
use File::Spec;
use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::INET;
use POSIX qw/ WNOHANG /;
use Scalar::Util qw/ weaken /;
use Test::More import => [qw/ is diag /];
use Time::HiRes qw/ time /;

use constant HTTP_TIMEOUT => 8;
use constant START_TIMEOUT => 5;
use constant STOP_TIMEOUT => 90;

our $NGINX = _binary();
our $TODO;

my %ports;
my @objects;


# Features of nginx, as patterns over the output of nginx -V.  Those with
# "!" are compiled in unless the pattern is found.

my %modules = (
    http             => '!--without-http(?!\S)',
    http_ssl         => '--with-http_ssl_module',
    http_v2          => '--with-http_v2_module',
    access           => '!--without-http_access_module',
    auth_basic       => '!--without-http_auth_basic_module',
    auth_request     => '--with-http_auth_request_module',
    addition         => '--with-http_addition_module',
    charset          => '!--without-http_charset_module',
    cache            => '!--without-http-cache',
    fastcgi          => '!--without-http_fastcgi_module',
    geo              => '!--without-http_geo_module',
    gzip             => '!--without-http_gzip_module',
    limit_conn       => '!--without-http_limit_conn_module',
    limit_req        => '!--without-http_limit_req_module',
    map              => '!--without-http_map_module',
    perl             => '--with-http_perl_module',
    proxy            => '!--without-http_proxy_module',
    realip           => '--with-http_realip_module',
    referer          => '!--without-http_referer_module',
    rewrite          => '!--without-http_rewrite_module',
    scgi             => '!--without-http_scgi_module',
    split_clients    => '!--without-http_split_clients_module',
    ssi              => '!--without-http_ssi_module',
    stub_status      => '--with-http_stub_status_module',
    sub              => '--with-http_sub_module',
    upstream_zone    => '!--without-http_upstream_zone_module',
    uwsgi            => '!--without-http_uwsgi_module',
    mail             => '--with-mail(?!\S)',
    stream           => '--with-stream(?!\S)',
    stream_ssl       => '--with-stream_ssl_module',
    sni              => 'TLS SNI support enabled',
);


sub new {
    my ($class) = @_;

    my $self = bless {
        pid       => $$,
        daemons   => [],
        has_plan  => 0,
        alerts_ok => 0,
    }, $class;

    if (!-x $NGINX) {
        Test::More::BAIL_OUT("no nginx to test: $NGINX");
    }

    $self->{testdir} = abs_path(tempdir('nginx-test-XXXXXXXXXX',
        TMPDIR => 1));

    $self->_sanitizers();

    push @objects, $self;
    weaken($objects[-1]);

    return $self;
}


# An object in a file's lexical ends with the file, unless a named sub of the
# file uses the lexical: then it would end after everything else, too late for
# checks.  nginx's own library can't do them then; so neither does ours, but
# what was started is stopped.

END {
    for my $self (grep { defined && defined $_->{pid} } @objects) {
        next if $self->{pid} != $$;

        diag('the object is still there at the end: pass it to the subs that '
            . 'use it') if $self->{has_plan} && $? == 0;
        $self->{has_plan} = 0;
        $self->DESTROY();
    }
}


sub DESTROY {
    my ($self) = @_;

    return if !defined $self->{pid} || $self->{pid} != $$;

    # a test's exit status isn't to be changed by what is reaped here

    local ($?, $@, $!);

    delete $self->{pid};

    $self->stop();
    $self->stop_daemons();

    if ($self->{has_plan}) {
        my @alerts = -e "$self->{testdir}/error.log"
            ? $self->_grep_log(qr/\[alert\]/) : "no error.log\n";

        TODO: {
            local $TODO = 'alerts' if $self->{alerts_ok};
            is(join('', @alerts), '', 'no alerts');
        }

        my @reports = ($self->_grep_log(qr/Sanitizer/), $self->_reports());

        is(join('', @reports), '', 'no sanitizer errors');
    }

    if ($ENV{TEST_NGINX_CATLOG}) {
        print map { "# $_" } $self->_grep_log(qr//);
    }

    if ($ENV{TEST_NGINX_LEAVE}) {
        diag("left: $self->{testdir}");
        return;
    }

    rmtree($self->{testdir}, 0, 0);
}


sub has {
    my ($self, @features) = @_;

    for my $feature (@features) {
        next if $self->has_module($feature) || $self->has_feature($feature);
        Test::More::plan(skip_all => "no $feature available");
    }

    return $self;
}


sub has_module {
    my ($self, $name) = @_;
    my $pattern = $modules{$name};

    return _version() =~ /\Q$name\E/ ? 1 : 0 if !defined $pattern;

    if ($pattern =~ s/^!//) {
        return _version() =~ /$pattern/ ? 0 : 1;
    }

    return _version() =~ /$pattern/ ? 1 : 0;
}


sub has_feature {
    my ($self, $name) = @_;

    if ($name eq 'unix') {
        return $^O ne 'MSWin32' ? 1 : 0;
    }

    if ($name eq 'udp') {
        my $s = IO::Socket::INET->new(Proto => 'udp',
            LocalAddr => '127.0.0.1');
        return $s ? 1 : 0;
    }

    if ($name eq 'symlink') {
        return eval { symlink('', ''); 1 } ? 1 : 0;
    }

    if ($name eq 'socket_ssl') {
        return eval { require IO::Socket::SSL; 1 } ? 1 : 0;
    }

    if ($name eq 'socket_ssl_sni' || $name eq 'socket_ssl_alpn') {
        my $can = $name eq 'socket_ssl_sni' ? 'can_client_sni' : 'can_alpn';
        return eval { require IO::Socket::SSL; IO::Socket::SSL->$can() }
            ? 1 : 0;
    }

    if ($name =~ /^(openssl|libressl):([\d.]+)$/) {
        my ($library, $least) = ($1, $2);
        my ($have) = _version() =~ /with \Q$library\E (\d+(?:\.\d+)*)/i;
        return defined $have && _at_least($have, $least) ? 1 : 0;
    }

    if ($name eq 'cryptx') {
        return eval { require Crypt::Misc; 1 } ? 1 : 0;
    }

    return 0;
}


sub has_version {
    my ($self, $least) = @_;
    my ($have) = _version() =~ m!nginx version: nginx/(\d+(?:\.\d+)*)!;

    return defined $have && _at_least($have, $least) ? 1 : 0;
}


sub has_daemon {
    my ($self, $program) = @_;

    for my $dir (File::Spec->path()) {
        return $self if -x "$dir/$program";
    }

    return Test::More::plan(skip_all => "$program not found");
}


sub plan {
    my ($self, $n) = @_;

    Test::More::plan(tests => $n + 2);
    $self->{has_plan} = 1;

    return $self;
}


sub todo_alerts {
    my ($self) = @_;

    $self->{alerts_ok} = 1;

    return $self;
}


sub run {
    my ($self, $file) = @_;

    if (defined $file) {
        open my $fh, '<', $file or die "Can't open $file: $!\n";
        local $/;
        $self->write_file_expand('nginx.conf', <$fh>);
    }

    $self->_start(0) or die "Can't start nginx\n";

    return $self;
}


sub try_run {
    my ($self, $why) = @_;

    return $self if $self->_start(1);

    if ($ENV{TEST_NGINX_VERBOSE}) {
        print map { "# $_" } $self->_grep_log(qr//);
    }

    return Test::More::plan(skip_all => $why);
}


sub _start {
    my ($self, $quiet) = @_;

    my @command = ($NGINX, $self->_arguments());
    my $pid = _fork();

    if ($pid == 0) {
        open STDERR, '>', File::Spec->devnull() if $quiet;
        exec { $command[0] } @command or POSIX::_exit(1);
    }

    # the pid file is written when the listening sockets are open

    my $up = $self->waitforfile("$self->{testdir}/nginx.pid", $pid);

    if (!$up) {
        kill 'KILL', $pid;
        waitpid($pid, 0);
        return 0;
    }

    $self->{master} = $pid;

    return 1;
}


sub dump_config {
    my ($self) = @_;

    my @command = ($NGINX, '-T', $self->_arguments());
    my $pid = open my $fh, '-|';

    die "Can't fork: $!\n" if !defined $pid;

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or POSIX::_exit(1);
    }

    local $/;

    return scalar <$fh>;
}


sub _arguments {
    my ($self) = @_;

    my @arguments = ('-p', "$self->{testdir}/", '-c', 'nginx.conf', '-e',
        'error.log');

    if (!$self->{has_globals}) {
        push @arguments, '-g', "pid $self->{testdir}/nginx.pid; "
            . "error_log $self->{testdir}/error.log debug;";
    }

    return @arguments;
}


sub reload {
    my ($self) = @_;

    kill 'HUP', $self->{master} if $self->{master};

    return $self;
}


sub stop {
    my ($self) = @_;
    my $pid = delete $self->{master};

    return $self if !$pid;

    kill 'QUIT', $pid;

    if (!_reap($pid, STOP_TIMEOUT)) {
        kill 'TERM', $pid;
        waitpid($pid, 0) if !_reap($pid, STOP_TIMEOUT);
    }

    return $self;
}


sub run_daemon {
    my ($self, $code, @args) = @_;
    my $pid = _fork();

    if ($pid == 0) {
        if (ref $code eq 'CODE') {
            $code->(@args);
            POSIX::_exit(0);
        }

        exec { $code } $code, @args or POSIX::_exit(1);
    }

    push @{ $self->{daemons} }, $pid;

    return $self;
}


sub stop_daemons {
    my ($self) = @_;

    while (my $pid = shift @{ $self->{daemons} }) {
        kill 'TERM', $pid;
        next if _reap($pid, START_TIMEOUT);

        kill 'TERM', $pid;
        next if _reap($pid, START_TIMEOUT);

        kill 'KILL', $pid;
        waitpid($pid, 0);
    }

    return $self;
}


sub waitforfile {
    my ($self, $path, $pid) = @_;
    my $end = time() + START_TIMEOUT;

    while (time() < $end) {
        return 1 if -e $path;
        return 0 if defined $pid && waitpid($pid, WNOHANG) != 0;
        select(undef, undef, undef, 0.02);
    }

    return undef;
}


sub waitforsocket {
    my ($self, $peer) = @_;
    my $end = time() + START_TIMEOUT;

    while (time() < $end) {
        return 1 if IO::Socket::INET->new(Proto => 'tcp', PeerAddr => $peer);
        select(undef, undef, undef, 0.02);
    }

    return undef;
}


sub testdir {
    my ($self) = @_;
    return $self->{testdir};
}


sub read_file {
    my ($self, $name) = @_;

    open my $fh, '<', "$self->{testdir}/$name"
        or die "Can't open $name: $!\n";
    binmode $fh;
    local $/;

    return scalar <$fh>;
}


sub write_file {
    my ($self, $name, $text) = @_;

    open my $fh, '>', "$self->{testdir}/$name"
        or die "Can't create $name: $!\n";
    binmode $fh;
    print $fh $text;
    close $fh or die "Can't write $name: $!\n";

    return $self;
}


sub write_file_expand {
    my ($self, $name, $text) = @_;

    $self->{has_globals} = 1 if $text =~ /%%TEST_GLOBALS%%/;

    $text =~ s/%%TEST_GLOBALS%%/$self->test_globals()/ge;
    $text =~ s/%%TEST_GLOBALS_HTTP%%/$self->test_globals_http()/ge;
    $text =~ s/%%TEST_GLOBALS_STREAM%%/$self->test_globals_stream()/ge;
    $text =~ s/%%TESTDIR%%/$self->{testdir}/g;

    $text =~ s/%%PORT_(8\d{3})_UDP%%/port($1, udp => 1)/ge;
    $text =~ s/%%PORT_(8\d{3})%%/port($1)/ge;
    $text =~ s/127\.0\.0\.1:(8\d{3})(?!\d)/'127.0.0.1:' . port($1)/ge;

    return $self->write_file($name, $text);
}


sub test_globals {
    my ($self) = @_;

    return $self->{globals} if defined $self->{globals};

    my $text = "pid $self->{testdir}/nginx.pid;\n"
        . "error_log $self->{testdir}/error.log debug;\n";

    $text .= "$ENV{TEST_NGINX_GLOBALS}\n" if $ENV{TEST_NGINX_GLOBALS};

    return $self->{globals} = $text;
}


sub test_globals_http {
    my ($self) = @_;

    return $self->{globals_http} if defined $self->{globals_http};

    my $dir = $self->{testdir};

    my $text = "root $dir;\n"
        . "access_log $dir/access.log;\n"
        . "client_body_temp_path $dir/client_body_temp;\n";

    for my $module (qw/ fastcgi proxy uwsgi scgi /) {
        next if !$self->has_module($module);
        $text .= "${module}_temp_path $dir/${module}_temp;\n";
    }

    if ($ENV{TEST_NGINX_GLOBALS_HTTP}) {
        $text .= "$ENV{TEST_NGINX_GLOBALS_HTTP}\n";
    }

    return $self->{globals_http} = $text;
}


sub test_globals_stream {
    my ($self) = @_;
    return $ENV{TEST_NGINX_GLOBALS_STREAM} || '';
}


# A port's socket of the other protocol stays open as a lock against the
# tests that run beside.

sub port {
    my ($n, %opts) = @_;
    my $key = "$n" . ($opts{udp} ? 'u' : '');
    my $block = $n < 8500 ? 8000 : 8500;

    for my $try (0 .. 10) {
        last if $ports{$key};

        my $port = $try == 0 ? $n : $block + int(rand(500));
        my %addr = (LocalAddr => "127.0.0.1:$port");

        my $lock = IO::Socket::INET->new(%addr,
            Proto => $opts{udp} ? 'tcp' : 'udp') or next;

        my $probe = $opts{udp}
            ? IO::Socket::INET->new(%addr, Proto => 'udp')
            : IO::Socket::INET->new(%addr, Proto => 'tcp', Listen => 1,
                ReuseAddr => 1);
        next if !$probe;

        $ports{$key} = { port => $port, lock => $lock };
    }

    die "No free port for $n\n" if !$ports{$key};

    return $opts{socket} ? $ports{$key}{lock} : $ports{$key}{port};
}


sub http_get {
    my ($uri, %extra) = @_;
    return http("GET $uri HTTP/1.0\nHost: localhost\n\n", %extra);
}


sub http_head {
    my ($uri, %extra) = @_;
    return http("HEAD $uri HTTP/1.0\nHost: localhost\n\n", %extra);
}


sub http {
    my ($request, %extra) = @_;
    my $s = http_start($request, %extra);

    return $s if $extra{start} || !defined $s;
    return '' if $extra{aborted};

    return http_end($s);
}


sub http_start {
    my ($request, %extra) = @_;
    my $s = $extra{socket};

    if (!$s) {
        my %inet = map { $_ => $extra{$_} } grep { /^[A-Z]/ && !/^SSL/ }
            keys %extra;
        my $port = port($extra{SSL} ? 8443 : 8080);

        $inet{PeerAddr} = "127.0.0.1:$port" if !$inet{PeerAddr};

        $s = IO::Socket::INET->new(Proto => 'tcp',
            Timeout => HTTP_TIMEOUT, %inet) or return undef;
    }

    if ($extra{SSL} && !$extra{socket}) {
        require IO::Socket::SSL;
        my %ssl = map { $_ => $extra{$_} } grep { /^SSL_/ } keys %extra;

        $s = IO::Socket::SSL->start_SSL($s, Timeout => HTTP_TIMEOUT,
            SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE(), %ssl)
            or return undef;
    }

    local $SIG{PIPE} = 'IGNORE';

    for my $text ($request, $extra{body}) {
        next if !defined $text;
        log_out($text);
        _write_all($s, $text) or return undef;
    }

    select(undef, undef, undef, $extra{sleep}) if $extra{sleep};

    if ($extra{aborted}) {
        close $s;
    }

    return $s;
}


sub http_end {
    my ($s) = @_;
    my $end = time() + HTTP_TIMEOUT;
    my $select = IO::Select->new($s);
    my $reply = '';

    for ( ;; ) {
        my $pending = $s->can('pending') && $s->pending();

        if (!$pending && !$select->can_read($end - time())) {
            close $s;
            return undef;
        }

        my $n = sysread($s, my $part, 65536);

        if (!defined $n) {
            next if $!{EINTR} || $!{EAGAIN};
            last;
        }

        last if $n == 0;

        $reply .= $part;
    }

    close $s;
    log_in($reply);

    return $reply;
}


sub http_content {
    my ($reply) = @_;

    return undef if !defined $reply;

    my ($head, $body) = split /\x0d?\x0a\x0d?\x0a/, $reply, 2;

    return $body if $head !~ /^Transfer-Encoding: *chunked/mi;

    my $content = '';

    while ($body =~ s/^([0-9a-f]+)[^\x0a]*\x0a//i) {
        my $size = hex($1);
        return $content if $size == 0;
        $content .= substr($body, 0, $size, '');
        $body =~ s/^\x0d?\x0a//;
    }

    return $content . '[no-last-chunk]';
}


sub log_out {
    return _log('>>', @_);
}


sub log_in {
    return _log('<<', @_);
}


sub _log {
    my ($mark, $text) = @_;

    return if !$ENV{TEST_NGINX_VERBOSE} || !defined $text;

    $text = substr($text, 0, 2048) . ' ...' if length $text > 2048;
    $text =~ s/([^\x20-\x7e\x0a])/sprintf('\\x%02x', ord $1)/ge;
    $text =~ s/^/# $mark /gm;
    $text =~ s/\x0a?\z/\x0a/;

    print $text;

    return;
}


sub _write_all {
    my ($s, $text) = @_;
    my $end = time() + HTTP_TIMEOUT;
    my $select = IO::Select->new($s);

    while (length $text) {
        return 0 if !$select->can_write($end - time());

        my $n = syswrite($s, $text);

        if (!defined $n) {
            next if $!{EINTR} || $!{EAGAIN};
            return 0;
        }

        substr($text, 0, $n, '');
    }

    return 1;
}


sub _fork {
    my $pid = fork();

    die "Can't fork: $!\n" if !defined $pid;

    return $pid;
}


sub _reap {
    my ($pid, $timeout) = @_;
    my $end = time() + $timeout;

    for ( ;; ) {
        my $rc = waitpid($pid, WNOHANG);
        return 1 if $rc == $pid || $rc == -1;
        return 0 if time() > $end;
        select(undef, undef, undef, 0.02);
    }
}


sub _grep_log {
    my ($self, $re) = @_;

    open my $fh, '<', "$self->{testdir}/error.log" or return;

    return grep { /$re/ } <$fh>;
}


# Reports of sanitizers go to files below the test directory: the standard
# error of a daemon is nobody's.

sub _sanitizers {
    my ($self) = @_;

    for my $name (qw/ ASAN_OPTIONS UBSAN_OPTIONS /) {
        next if !defined $ENV{$name};
        $ENV{$name} =~ s/(^|:)log_path=[^:]*//;
        $ENV{$name} .= ":log_path=$self->{testdir}/sanitizer";
    }

    return;
}


sub _reports {
    my ($self) = @_;
    my @lines;

    for my $file (glob "$self->{testdir}/sanitizer.*") {
        open my $fh, '<', $file or next;
        push @lines, <$fh>;
    }

    return @lines;
}


sub _binary {
    return $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};

    for my $dir (File::Spec->path(), '/usr/sbin', '/usr/local/sbin') {
        return "$dir/nginx" if -x "$dir/nginx";
    }

    return 'nginx';
}


my $version;

sub _version {
    if (!defined $version) {
        $version = `'$NGINX' -V 2>&1`;
        die "Can't run $NGINX -V\n" if !defined $version;
    }

    return $version;
}


sub _at_least {
    my ($have, $least) = @_;
    my @have = split /\./, $have;
    my @least = split /\./, $least;

    for my $part (@least) {
        my $mine = @have ? shift @have : 0;
        return $mine > $part if $mine != $part;
    }

    return 1;
}


1;
