package EIRC::Chromium;

# A real browser without a window, driven by its DevTools protocol over a pair
# of pipes: JSON messages, each ended by a NUL.
#
#   my $browser = EIRC::Chromium->new();     ($ENV{CHROMIUM}, or chromium)
#   my $page = $browser->page($url);         a page with a profile of its own
#   my $page = $browser->page($url, $other); one with the profile of another
#   $page->js($expression)                   its value; dies when it throws
#   $page->until($expression [, $seconds])   its value as soon as that is true,
#                                            undef when it isn't in time
#   $page->fill($selector, $text)            types into a field, over what is
#                                            in it
#   $page->press('Enter')                    a key
#   $page->click($selector)                  the mouse, where the element is
#   $page->say($text)                        types into the page's composer
#   $page->reload()                          loads it anew
#   $page->problems()                        what the console has had to say,
#                                            and forgets it
#   $browser->stop()                         true when it has ended by itself
#
# A page is looked at when something in it changes, not now and then.

use warnings;
use strict;

use Fcntl qw/ F_DUPFD /;
use File::Temp qw/ tempdir /;
use IO::Handle;
use IO::Select;
use JSON::PP;
use POSIX qw/ :sys_wait_h /;
use Time::HiRes qw/ time /;

my $patience = 60;

my %keys = (
    Enter => { windowsVirtualKeyCode => 13, text => "\r" },
    Escape => { windowsVirtualKeyCode => 27 },
    Tab => { windowsVirtualKeyCode => 9 },
    ArrowUp => { windowsVirtualKeyCode => 38 },
    ArrowDown => { windowsVirtualKeyCode => 40 },
);

sub new {
    my ($class) = @_;

    my $self = bless {
        dir => tempdir('eirc-chromium-XXXXXXXX', TMPDIR => 1, CLEANUP => 1),
        owner => $$,
        buffer => '',
        id => 0,
        answers => {},
        pages => {},
    }, $class;

    pipe(my $in, $self->{to}) or die "pipe: $!";
    pipe($self->{from}, my $out) or die "pipe: $!";

    $self->{pid} = fork() // die "fork: $!";

    if ($self->{pid} == 0) {
        $self->start($in, $out);
        POSIX::_exit(127);
    }

    close($in);
    close($out);
    $self->{to}->autoflush(1);
    binmode($_) foreach $self->{to}, $self->{from};

    $self->{version} = $self->call('Browser.getVersion')->{product};

    return $self;
}


# In the child: the pipes go to descriptors 3 and 4, which may be in use by
# them or by anything else.

sub start {
    my ($self, $in, $out) = @_;

    my ($from, $to) = map { fcntl($_, F_DUPFD, 10) // die "fcntl: $!" }
        $in, $out;

    POSIX::setsid();
    $SIG{$_} = 'DEFAULT' foreach qw/ INT TERM PIPE /;

    POSIX::dup2($from, 3);
    POSIX::dup2($to, 4);
    POSIX::close($_) foreach 5 .. 64;

    open(STDIN, '<', '/dev/null');
    open(STDOUT, '>', "$self->{dir}/output");
    open(STDERR, '>&', \*STDOUT);

    # what Chromium writes beside its profile goes below the directory, too

    $ENV{HOME} = $self->{dir};
    $ENV{XDG_CONFIG_HOME} = $ENV{XDG_CACHE_HOME} = $self->{dir};

    my @options = qw/ --headless --disable-gpu --disable-quic --no-first-run
        --disable-background-networking --disable-component-update
        --disable-sync --disable-dev-shm-usage --no-default-browser-check
        --remote-debugging-pipe /;

    # It sees our own page only.  Its sandbox needs what root has not, and
    # others not everywhere.

    push @options, '--no-sandbox';

    exec($ENV{CHROMIUM} // 'chromium', @options,
        "--user-data-dir=$self->{dir}/profile", 'about:blank');
}


sub page {
    my ($self, $url, $other) = @_;

    my $context = $other ? $other->{context}
        : $self->call('Target.createBrowserContext')->{browserContextId};
    my $target = $self->call('Target.createTarget', { url => 'about:blank',
        browserContextId => $context })->{targetId};
    my $session = $self->call('Target.attachToTarget', {
        targetId => $target, flatten => JSON::PP::true })->{sessionId};

    my $page = bless { browser => $self, session => $session,
        context => $context, problems => [], loaded => 0 },
        'EIRC::Chromium::Page';

    $self->{pages}{$session} = $page;

    $page->call("$_.enable") foreach qw/ Runtime Log Page /;
    $page->call('Emulation.setFocusEmulationEnabled',
        { enabled => JSON::PP::true });
    $page->load('Page.navigate', { url => $url });

    return $page;
}


sub call {
    my ($self, $method, $params, $session, $seconds) = @_;

    my $id = ++$self->{id};
    my $end = time() + ($seconds // $patience);

    local $SIG{PIPE} = 'IGNORE';

    print { $self->{to} } encode_json({ id => $id, method => $method,
        params => $params // {}, $session ? (sessionId => $session) : () }),
        "\0";

    while (!$self->{answers}{$id}) {
        $self->read_until($end) or die "no answer to $method: "
            . $self->output();
    }

    my $answer = delete $self->{answers}{$id};

    die "$method: $answer->{error}{message}\n" if $answer->{error};

    return $answer->{result};
}


# One read; false when it is too late, or the browser gone.

sub read_until {
    my ($self, $end) = @_;

    my $left = $end - time();

    return 0 if $left <= 0
        || !IO::Select->new($self->{from})->can_read($left);
    return 0 unless sysread($self->{from}, $self->{buffer}, 65536,
        length($self->{buffer}));

    while ($self->{buffer} =~ s/^([^\0]*)\0//) {
        my $message = decode_json($1);

        if (defined $message->{id}) {
            $self->{answers}{$message->{id}} = $message;

        } elsif (my $page = $self->{pages}{$message->{sessionId} // ''}) {
            $page->event($message->{method}, $message->{params});
        }
    }

    return 1;
}


# What Chromium itself has said: the reason when it doesn't start.

sub output {
    my ($self) = @_;

    open(my $f, '<', "$self->{dir}/output") or return '';
    local $/;

    return <$f> // '';
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return 1;
    my $end = time() + $patience;
    my $gone;

    # the answer may get lost in its end: that of the pipe tells

    eval { $self->call('Browser.close', {}, undef, 5) };
    1 while $self->read_until($end);

    while (!($gone = waitpid($pid, WNOHANG)) && time() < $end) {
        select(undef, undef, undef, 0.02);
    }

    kill('KILL', -$pid);
    waitpid($pid, 0) unless $gone;

    return $gone ? 1 : 0;
}


sub DESTROY {
    my ($self) = @_;

    return unless $self->{pid} && $self->{owner} == $$;

    local ($@, $?, $!);

    kill('KILL', -$self->{pid});
    waitpid($self->{pid}, 0);
}


package EIRC::Chromium::Page;

use JSON::PP;
use Time::HiRes qw/ time /;


sub call {
    my ($self, $method, $params, $seconds) = @_;

    return $self->{browser}->call($method, $params, $self->{session},
        $seconds);
}


sub load {
    my ($self, $method, $params) = @_;

    my $end = time() + $patience;

    $self->{loaded} = 0;
    $self->call($method, $params);

    while (!$self->{loaded}) {
        $self->{browser}->read_until($end) or die "nothing is loaded";
    }
}


sub reload {
    my ($self) = @_;

    $self->load('Page.reload', {});
}


sub event {
    my ($self, $method, $params) = @_;

    if ($method eq 'Page.loadEventFired') {
        $self->{loaded} = 1;

    } elsif ($method eq 'Runtime.exceptionThrown') {
        my $details = $params->{exceptionDetails};

        push @{$self->{problems}},
            $details->{exception}{description} // $details->{text};

    } elsif ($method eq 'Runtime.consoleAPICalled'
        && $params->{type} =~ /^(?:error|warning|assert)$/)
    {
        push @{$self->{problems}}, join ' ', $params->{type},
            map { $_->{value} // $_->{description} // '' }
            @{$params->{args}};

    } elsif ($method eq 'Log.entryAdded'
        && $params->{entry}{level} =~ /^(?:error|warning)$/)
    {
        push @{$self->{problems}}, join ' ', grep { defined }
            @{$params->{entry}}{qw/ level text url /};
    }
}


sub problems {
    my ($self) = @_;

    # what has happened so far is told before this is answered

    $self->js('1');

    return splice @{$self->{problems}};
}


sub js {
    my ($self, $expression, $seconds) = @_;

    my $answer = $self->call('Runtime.evaluate', { expression => $expression,
        awaitPromise => JSON::PP::true, returnByValue => JSON::PP::true,
        userGesture => JSON::PP::true }, $seconds);

    if (my $details = $answer->{exceptionDetails}) {
        die "$expression: ",
            $details->{exception}{description} // $details->{text}, "\n";
    }

    return $answer->{result}{value};
}


sub until {
    my ($self, $expression, $seconds) = @_;

    $seconds //= 60;

    my $ms = $seconds * 1000;

    return $self->js(<<"EOF", $seconds + 10);
new Promise((done) => {
    const end = (value) => {
        observer.disconnect();
        clearTimeout(timer);
        done(value);
    };
    const look = () => {
        const value = ($expression);

        if (value) {
            end(value);
        }
    };
    const observer = new MutationObserver(look);
    const timer = setTimeout(() => end(null), $ms);

    observer.observe(document, { subtree: true, childList: true,
        attributes: true, characterData: true });
    look();
})
EOF
}


sub fill {
    my ($self, $selector, $text) = @_;

    my $name = quote($selector);

    $self->until("document.querySelector($name)")
        or die "no $selector to fill in\n";
    $self->js("(() => { const e = document.querySelector($name);"
        . ' e.focus(); e.select(); })()');
    $self->call('Input.insertText', { text => $text });
}


sub press {
    my ($self, $key) = @_;

    my %event = (key => $key, code => $key, %{$keys{$key}});

    $self->call('Input.dispatchKeyEvent', { type => 'keyDown', %event });
    delete $event{text};
    $self->call('Input.dispatchKeyEvent', { type => 'keyUp', %event });
}


sub click {
    my ($self, $selector) = @_;

    my $name = quote($selector);
    my $at = $self->until("(() => { const e = document.querySelector($name);"
        . ' if (e === null) { return null; }'
        . ' const r = e.getBoundingClientRect();'
        . ' return r.width > 0 ? [r.x + r.width / 2, r.y + r.height / 2]'
        . ' : null; })()') or die "no $selector to click on\n";
    my %event = (x => $at->[0] + 0, y => $at->[1] + 0, button => 'left',
        clickCount => 1);

    $self->call('Input.dispatchMouseEvent', { type => $_, %event })
        foreach qw/ mousePressed mouseReleased /;
}


sub say {
    my ($self, $text) = @_;

    $self->fill('#composer', $text);
    $self->press('Enter');
}


# A text as JavaScript writes it.

sub quote {
    my ($text) = @_;

    return JSON::PP->new->ascii->allow_nonref->encode($text);
}


1;
