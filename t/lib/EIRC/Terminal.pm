package EIRC::Terminal;

# irc-client on a terminal: a tmux server of its own, with one window.
#
#   my $term = EIRC::Terminal->start($t, %opt);
#       port => N          of the IRC server
#       nick => 'alice', channels => 'a,b'
#       columns => 80, rows => 24
#       env => 'NAME=VALUE ...'   of irc-client alone
#
#   $term->type($text)         characters
#   $term->keys('Enter', ...)  keys by tmux's names; 'M-1' is Alt-1
#   $term->enter($text)        characters and Enter
#   $term->resize($columns, $rows)
#   $term->screen()            rows, joined by LF, without spaces at their end
#   $term->row($n)             one of them; -1 is the last
#   $term->expect(qr/../ [, $seconds])   waits until the screen looks so;
#                              true, or false after telling what it shows
#   $term->expect_row($n, qr/../ [, $seconds])
#   $term->pid()               of irc-client
#   $term->status([$seconds])  its exit status, or undef
#   $term->mode()              what the terminal does then, by stty -a
#   $term->end()               ends the tmux server
#
# tmux ends with the object at the latest.

use warnings;
use strict;

use Encode qw/ decode encode /;
use Test::More;

use EIRC::Processes;

my $count = 0;


sub start {
    my ($class, $t, %opt) = @_;
    my $name = 'terminal' . ++$count;
    my $self = bless {
        owner => $$, socket => $t->testdir() . "/$name",
        rows => $opt{rows} || 24,
    }, $class;

    my $args = join ' ', '--nick=' . ($opt{nick} || 'alice'),
        '--server=127.0.0.1', "--port=$opt{port}",
        $opt{channels} ? "--channels=$opt{channels}" : ();

    # the shell stays, for its terminal to be looked at

    my $script = $t->testdir() . "/$name.sh";
    open my $fh, '>', $script or die "Can't create $script: $!\n";
    print $fh "trap : INT\nenv ", $opt{env} || 'LC_ALL=C.UTF-8', ' ', irc_client(),
        " $args\n", "echo status=\$?\nstty -a\nexec cat\n";
    close $fh;

    local $ENV{LC_ALL} = 'C.UTF-8';
    local $ENV{TMUX};
    delete $ENV{TMUX};

    $self->_tmux('-u', '-f', '/dev/null', 'new-session', '-d', '-x',
        $opt{columns} || 80, '-y', $self->{rows}, "exec sh $script");

    ($self->{server}) = $self->_tmux('list-sessions', '-F', '#{pid}')
        =~ /(\d+)/ or die "No tmux\n";

    return $self;
}


sub _tmux {
    my ($self, @args) = @_;

    open my $fh, '-|', 'tmux', '-S', $self->{socket}, @args
        or die "No tmux: $!\n";
    local $/;
    my $out = <$fh>;
    close $fh;

    return defined $out ? $out : '';
}


sub type {
    my ($self, $text) = @_;

    $self->_tmux('send-keys', '-l', '--', encode('UTF-8', $text));

    return $self;
}


sub keys {
    my ($self, @keys) = @_;

    $self->_tmux('send-keys', @keys);

    return $self;
}


sub enter {
    my ($self, $text) = @_;
    return $self->type($text)->keys('Enter');
}


sub resize {
    my ($self, $columns, $rows) = @_;

    $self->{rows} = $rows;
    $self->_tmux('resize-window', '-x', $columns, '-y', $rows);

    return $self;
}


sub screen {
    my ($self) = @_;
    return decode('UTF-8', $self->_tmux('capture-pane', '-p'));
}


sub row {
    my ($self, $n) = @_;
    my @rows = split /\n/, $self->screen(), -1;

    pop @rows;
    $#rows = $self->{rows} - 1;

    return defined $rows[$n] ? $rows[$n] : '';
}


sub expect {
    my ($self, $re, $seconds) = @_;

    return 1 if wait_until(defined $seconds ? $seconds : 5,
        sub { $self->screen() =~ $re });

    diag("the screen, without $re:\n" . encode('UTF-8', $self->screen()));

    return 0;
}


sub expect_row {
    my ($self, $n, $re, $seconds) = @_;

    return 1 if wait_until(defined $seconds ? $seconds : 5,
        sub { $self->row($n) =~ $re });

    diag("row $n, without $re:\n" . encode('UTF-8', $self->screen()));

    return 0;
}


sub pid {
    my ($self) = @_;
    my ($shell) = $self->_tmux('list-panes', '-F', '#{pane_pid}') =~ /(\d+)/;

    return (children($shell))[0];
}


sub status {
    my ($self, $seconds) = @_;

    return undef if !wait_until(defined $seconds ? $seconds : 5,
        sub { $self->screen() =~ /^status=\d+/m && $self->mode() =~ /echo/ });

    return $self->screen() =~ /^status=(\d+)/m ? $1 : undef;
}


sub mode {
    my ($self) = @_;
    return $self->screen() =~ /^(speed .*)/ms ? $1 : '';
}


sub end {
    my ($self) = @_;

    return $self if $self->{ended}++ || !$self->{server};

    # the directory with its socket may have gone before

    if (-S $self->{socket}) {
        $self->_tmux('kill-server');

    } else {
        kill 'TERM', $self->{server};
    }

    wait_for_end($self->{server}, 5);

    return $self;
}


sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;

    local ($?, $@, $!);
    $self->end();

    return;
}


1;
