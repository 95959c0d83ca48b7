#!/usr/bin/perl

# Tests for what a socket layer is born with, and for one that ends at once.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;
use EIRC::Processes;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()->has(qw/http unix/)->plan(18);

$t->write_file_expand('nginx.conf', <<'EOC');

%%TEST_GLOBALS%%

daemon off;
worker_processes 4;
worker_cpu_affinity 01 01 01 01;
worker_rlimit_nofile 500;
worker_shutdown_timeout 1s;

env ASAN_OPTIONS;
env OTHER=1;

events {
    worker_connections 64;
}

http {
    %%TEST_GLOBALS_HTTP%%

    eirc_client   %%TESTDIR%%/client processes=1;
    eirc_run_path %%TESTDIR%%/run;

    server {
        listen       127.0.0.1:8080;
        server_name  localhost;

        location /chat {
            eirc_pass irc://127.0.0.1:8090;
        }
    }
}

EOC

# writes down what it finds, and ends

$t->write_file_expand('client', <<'EOC');
#!/usr/bin/perl

use Time::HiRes qw/ time /;

opendir my $dir, '/proc/self/fd';
my @fds = map { readlink("/proc/self/fd/$_") || '' } grep { /^\d+$/ }
    readdir $dir;

open my $out, '>', "%%TESTDIR%%/found.new";
print $out "arguments @ARGV\n", map { "fd $_\n" } @fds;
print $out map { "env $_=$ENV{$_}\n" } keys %ENV;

for my $file (qw/ status stat limits /) {
    open my $in, '<', "/proc/self/$file";
    print $out readline($in), "\n";
}

close $out;

open my $times, '>>', "%%TESTDIR%%/times";
syswrite $times, time() . "\n";

rename "%%TESTDIR%%/found.new", "%%TESTDIR%%/found";
EOC

my $dir = $t->testdir();

chmod 0755, "$dir/client";

my @allowed = read_path("/proc/$$/status") =~ /^Cpus_allowed:\s+(\S+)/m;

$t->run();
$t->waitforfile("$dir/found");

my $found = $t->read_file('found');
my ($master) = $t->read_file('nginx.pid') =~ /(\d+)/;

like($found,
    qr/^arguments --sockets --run-path=\Q$dir\E\/run --index=0 --log=\S+$/m,
    'arguments');
like($found, qr/--log=\Q$dir\E\/eirc.log$/m, "the log is beside nginx's");

like($found, qr/^SigBlk:\s+0+$/m, 'no signal is blocked');
like($found, qr/^SigIgn:\s+0+(?:80)?$/m,
    "no signal is ignored (but by perl)");
like($found, qr/^SigCgt:\s+0*(?:0|100000000|[0-9a-f]{1,3})$/m,
    "none of nginx's handlers");
like($found, qr/^Umask:\s+0077$/m, 'umask');
is(($found =~ /^Cpus_allowed:\s+(\S+)/m)[0], $allowed[0], 'all CPUs');
like($found, qr/^Max open files\s+500\s+500\s/m, 'limit of open files');

is(join(' ', grep { !m!^(?:/dev/null|/proc/\d+/fd)$! }
    $found =~ /^fd (.+)$/mg), '', 'no descriptor but /dev/null');
my @null = $found =~ m!^fd /dev/null$!mg;
is(scalar @null, 3, 'three of them');

is(join(' ', sort grep { !/^(?:PATH|ASAN_OPTIONS|TZ)$/ }
    $found =~ /^env (\w+)=/mg), '', 'environment');

# pid, command, state, parent, group, session

my @stat = $found =~ /^\d+ \(.*\) (\S) (\d+) (\d+) (\d+)/m;
my @nginx = read_path("/proc/$master/stat") =~ /\(.*\) (\S) (\d+) (\d+) (\d+)/;

isnt($stat[2], $nginx[2], 'a process group of its own');
isnt($stat[3], $nginx[3], 'a session of its own');
ok(!(grep { $_ == $stat[1] } $master, children($master)),
    'no child of nginx');

# it ends at once: one start a second, by whichever worker

ok(wait_until(15, sub { starts($t) >= 4 }), 'it is started again');

my @times = split /\n/, $t->read_file('times');
my $least = 10;

for my $i (1 .. $#times) {
    my $pause = $times[$i] - $times[$i - 1];
    $least = $pause if $pause < $least;
}

cmp_ok($least, '>', 0.7, 'not more often than once a second');

like(http_get('/chat'), qr/ 4\d\d /, 'nginx answers');

$t->stop();

unlike($t->read_file('error.log'), qr/exited on signal|left in connection/,
    'nginx ends in peace');


sub starts {
    my ($t) = @_;
    my @lines = -e "$dir/times" ? split /\n/, $t->read_file('times') : ();
    return scalar @lines;
}


sub read_path {
    open my $fh, '<', $_[0] or return '';
    local $/;
    return scalar <$fh>;
}
