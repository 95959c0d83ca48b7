package Bench::Curves;

# The curves over the number of users, as an SVG picture.
#
#   print $fh Bench::Curves::svg($results, $machine);
#
# A hollow point is one for which no round was quiet.

use warnings;
use strict;

my @systems = (
    [ 'raw', 'InspIRCd', '#7a7a7a' ],
    [ 'ws', 'its WebSocket', '#2f7ebc' ],
    [ 'proxy', 'nginx proxy', '#e08214' ],
    [ 'eirc', 'eIRC', '#1b8a3a' ],
);

# title, scenario, figure

my @panels = (
    [ 'memory of an idle user, KB PSS', 'idle', 'bridge_kb' ],
    [ 'the kernel\'s memory for a user, KB', 'idle', 'kernel_kb' ],
    [ 'latency at 1,000 messages/s, us p50', 'latency', 'p50_us' ],
    [ 'latency at 1,000 messages/s, us p99', 'latency', 'p99_us' ],
    [ 'fan-out, deliveries/s', 'fanout', 'per_second' ],
    [ 'CPU of a delivery, fan-out, us', 'fanout', 'chain_us' ],
    [ 'CPU of a delivery, 20,000/s, us', 'steady', 'chain_us' ],
    [ 'latency at 20,000 deliveries/s, us p99', 'steady', 'p99_us' ],
);

use constant COLUMNS => 2;
use constant WIDTH => 400;
use constant HEIGHT => 240;
use constant HEAD => 64;

# of a panel: what is left free for its title and the axes

use constant LEFT => 62;
use constant RIGHT => 28;
use constant TOP => 34;
use constant BOTTOM => 34;


sub svg {
    my ($results, $machine) = @_;
    my $rows = int((@panels + COLUMNS - 1) / COLUMNS);
    my ($width, $height) = (COLUMNS * WIDTH, HEAD + $rows * HEIGHT);

    my $svg = qq(<svg xmlns="http://www.w3.org/2000/svg" width="$width")
        . qq( height="$height" viewBox="0 0 $width $height")
        . qq( font-family="sans-serif" font-size="12">\n)
        . qq(<rect width="$width" height="$height" fill="white"/>\n)
        . _text(16, 24, $machine, 'font-size="13"');

    my $x = 16;

    for my $system (@systems) {
        my (undef, $name, $color) = @$system;

        $svg .= qq(<rect x="$x" y="38" width="14" height="4")
            . qq( fill="$color"/>\n) . _text($x + 20, 45, $name);
        $x += 140;
    }

    for my $i (0 .. $#panels) {
        my ($column, $row) = ($i % COLUMNS, int($i / COLUMNS));

        $svg .= sprintf qq(<g transform="translate(%d %d)">\n%s</g>\n),
            $column * WIDTH, HEAD + $row * HEIGHT,
            _panel($results, @{ $panels[$i] });
    }

    return "$svg</svg>\n";
}


sub _panel {
    my ($results, $title, $scenario, $figure) = @_;
    my @users = $results->users($scenario);
    my ($svg, $max, %points) = (_text(LEFT, 20, $title,
        'font-weight="bold"'), 0);

    for my $system (map { $_->[0] } @systems) {
        for my $n (@users) {
            my ($value, $quiet) = $results->median($scenario, $system, $n,
                $figure);

            next if !defined $value;

            push @{ $points{$system} }, [ $n, $value, $quiet ];
            $max = $value if $value > $max;
        }
    }

    return $svg if !@users || $max <= 0;

    my $step = _step($max);
    $max = $step * (1 + int($max / $step));

    my $x = sub { _across(\@users, $_[0]) };
    my $y = sub { HEIGHT - BOTTOM - $_[0] / $max
        * (HEIGHT - TOP - BOTTOM) };

    $svg .= _axes(\@users, $max, $step, $x, $y);

    for my $system (@systems) {
        $svg .= _curve($points{ $system->[0] } || [], $system->[2], $x, $y);
    }

    return $svg;
}


# numbers of users stand as far apart as their logarithms

sub _across {
    my ($users, $n) = @_;
    my ($from, $to) = map { log } @{$users}[0, -1];
    my $room = WIDTH - LEFT - RIGHT;

    return LEFT + $room / 2 if $from == $to;
    return LEFT + (log($n) - $from) / ($to - $from) * $room;
}


# 1, 2 or 5 times a power of ten, so that there are about five lines

sub _step {
    my ($max) = @_;
    my $power = 10 ** int(log($max / 5) / log(10) - ($max < 5 ? 1 : 0));

    for my $times (1, 2, 5, 10) {
        return $times * $power if $max / ($times * $power) <= 6;
    }

    return 20 * $power;
}


sub _axes {
    my ($users, $max, $step, $x, $y) = @_;
    my ($svg, $right) = ('', WIDTH - RIGHT);

    for (my $value = 0; $value <= $max * 1.001; $value += $step) {
        my $at = sprintf '%.1f', $y->($value);
        my $label = sprintf '%g', $value;

        1 while $label =~ s/^(\d+)(\d{3})/$1,$2/;

        $svg .= sprintf(qq(<line x1="%d" y1="$at" x2="$right" y2="$at")
            . qq( stroke="#dddddd"/>\n), LEFT)
            . _text(LEFT - 6, $at + 4, $label, 'text-anchor="end"');
    }

    for my $n (@$users) {
        my $label = $n;

        1 while $label =~ s/^(\d+)(\d{3})/$1,$2/;

        $svg .= _text($x->($n), HEIGHT - BOTTOM + 18, $label,
            'text-anchor="middle"');
    }

    return $svg;
}


sub _curve {
    my ($points, $color, $x, $y) = @_;
    my ($svg, @line) = ('');

    for my $point (@$points) {
        my ($n, $value, $quiet) = @$point;
        my $at = sprintf 'cx="%.1f" cy="%.1f"', $x->($n), $y->($value);
        my $fill = $quiet ? $color : 'white';

        push @line, sprintf '%.1f,%.1f', $x->($n), $y->($value);
        $svg .= qq(<circle $at r="3.5" fill="$fill" stroke="$color")
            . qq( stroke-width="1.5"/>\n);
    }

    return qq(<polyline points="@line" fill="none" stroke="$color")
        . qq( stroke-width="1.8"/>\n$svg);
}


sub _text {
    my ($x, $y, $text, $more) = @_;

    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;
    $more = defined $more ? " $more" : '';

    return sprintf qq(<text x="%.1f" y="%.1f"%s>%s</text>\n), $x, $y, $more,
        $text;
}


1;
