#!/usr/bin/perl

# Tests that nginx takes the examples of the documentation.

use warnings;
use strict;

use Test::More;

BEGIN { use FindBin; chdir($FindBin::Bin); }

use lib 'lib';
use Test::Nginx;

select STDERR; $| = 1;
select STDOUT; $| = 1;

my $t = Test::Nginx->new()
    ->has(qw/http proxy access rewrite limit_req http_ssl unix/);

my @examples;

for my $file ('../docs/directives.md', '../README.md') {
    open my $fh, '<', $file or die "Can't open $file: $!\n";
    local $/;

    push @examples, <$fh> =~ /^```nginx\n(.*?)^```/msg;
}

$t->plan(scalar @examples);

my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $dir = $t->testdir();

for my $example (@examples) {
    $example =~ s/^load_module.*\n//;

    # TLS would want a certificate

    $example =~ s/443 ssl/443/;
    $example =~ s/^ *ssl_certificate.*\n//mg;

    # an address of another machine, and ports of this one

    $example =~ s/listen  ( *)(?:127\.0\.0\.1:)?(\d+)/listen  ${1}127.0.0.1:8080/;

    if ($example !~ /^http \{/m) {
        $example = "server {\n listen 127.0.0.1:8080;\n$example\n}\n"
            if $example !~ /^log_format/;
        $example = "http {\n eirc_client \%\%TESTDIR\%\%;\n$example\n}\n";
    }

    $example = "events {\n}\n\n" . $example if $example !~ /^events/m;
    $example =~ s/^(http \{)/$1\n%%TEST_GLOBALS_HTTP%%\n/m;

    $t->write_file_expand('nginx.conf', "%%TEST_GLOBALS%%\n\n" . $example);

    my $out = `$nginx -t -p $dir/ -c nginx.conf -e error.log 2>&1`;

    is($?, 0, 'example ' . ($example =~ /(eirc_\w+|log_format)/)[0])
        or diag($out);
}
