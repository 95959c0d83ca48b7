# The look of nginx's own files, as far as it can be told line by line.  No
# formatter knows it: columns and wrapping are left to the eye.

function complain(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what
    bad = 1
}


FNR == 1 {
    empty = 0
    ended = 0
    static = 0
    delete declared
}


/\t/ { complain("tab") }

/[ \t]+$/ { complain("space at the end of the line") }

length($0) > 79 { complain("wider than 79 columns") }

{
    text = $0
    gsub(/"([^"\\]|\\.)*"/, "", text)
    gsub(/\/\*.*\*\//, "", text)
}

text ~ /(^|[^:])\/\// && text !~ /^ \*/ { complain("a // comment") }

text ~ /(if|for|while|switch)\(/ && text !~ /[a-z_0-9](if|for|while|switch)\(/ {
    complain("no space before the parenthesis")
}


# prototypes of static functions, and the functions themselves

/^static .*[a-z_0-9]+\(/ {
    name = $0
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    declared[name] = 1
}

/^[a-z_0-9]+\(/ {
    name = $0
    sub(/\(.*/, "", name)

    if (static && !(name in declared)) {
        complain("static " name "() has no prototype")
    }
}

{ static = /^static [^=;(]*$/ }


# two empty lines between functions

/^$/ { empty++; next }

{
    if (ended && empty != 2 && !(empty == 1 && /^#(endif|else|elif)/)) {
        complain("not two empty lines after a function")
    }

    if (empty > 2) {
        complain("more than two empty lines")
    }

    empty = 0
    ended = /^}$/
}


END { exit bad }
