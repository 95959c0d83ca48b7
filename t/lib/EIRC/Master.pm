package EIRC::Master;

# The nginx under test as a daemon: only one that has left its parent takes
# the signals of a binary upgrade.
#
#   my $nginx = EIRC::Master->start($t);   dies if it doesn't start; not
#                              with $t->run(), and without "daemon off"
#   $nginx->begin()            the same once more, when it has ended
#   $nginx->pid()              the one that nginx.pid names now, or 0
#   $nginx->old_pid()          the one that nginx.pid.oldbin names, or 0
#   $nginx->workers($pid)      pids of a master's workers that are not on
#                              their way out
#   $nginx->signal('USR2', $pid)
#   $nginx->upgrade()          USR2 to the master; waits for the other one,
#                              with as many workers; its pid, or 0
#   $nginx->stop($signal)      QUIT, or that; waits for the end of all; true
#                              if they did in time
#
# What is left of it ends with the object.

use warnings;
use strict;

use Test::Nginx ();
use EIRC::Processes;

use constant TIMEOUT => 20;


sub start {
    my ($class, $t) = @_;

    # the directory must not go before its nginx

    my $self = bless { t => $t, dir => $t->testdir(), known => {},
        owner => $$ }, $class;

    return $self->begin();
}


sub begin {
    my ($self) = @_;

    # one that was killed has left its own

    unlink "$self->{dir}/nginx.pid";

    system($Test::Nginx::NGINX, '-p', "$self->{dir}/", '-c', 'nginx.conf',
        '-e', 'error.log') == 0 or die "Can't start nginx\n";

    wait_until(TIMEOUT, sub { $self->pid() && $self->workers($self->pid()) })
        or die "nginx didn't start\n";

    return $self;
}


sub pid { return $_[0]->_read('nginx.pid') }
sub old_pid { return $_[0]->_read('nginx.pid.oldbin') }


sub workers {
    my ($self, $pid) = @_;

    return grep { title($_) eq 'nginx: worker process' } children($pid);
}


sub signal {
    my ($self, $name, $pid) = @_;

    kill $name, $pid;

    return $self;
}


sub upgrade {
    my ($self) = @_;
    my $old = $self->pid();
    my $n = $self->workers($old);

    $self->signal('USR2', $old);

    return wait_until(TIMEOUT, sub {
        my $new = $self->pid();

        return $new && $new != $old && $self->old_pid() == $old
            && $self->workers($new) == $n;
    }) ? $self->pid() : 0;
}


sub stop {
    my ($self, $signal) = @_;
    my @masters = grep { $_ } $self->pid(), $self->old_pid();

    kill $signal || 'QUIT', @masters;

    return !grep { !wait_for_end($_, TIMEOUT) } @masters;
}


sub _read {
    my ($self, $name) = @_;

    open my $fh, '<', "$self->{dir}/$name" or return 0;
    my $pid = <$fh>;

    return 0 if !defined $pid || $pid !~ /^(\d+)$/;

    $self->{known}{$1} = 1;

    return $1;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $@, $!);

    $self->pid();
    $self->old_pid();

    for my $pid (keys %{ $self->{known} }) {
        next if title($pid) !~ /^nginx: master process/;

        kill 'TERM', $pid;
        wait_for_end($pid, TIMEOUT) or kill 'KILL', $pid;
    }

    return;
}


1;
