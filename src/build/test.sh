# Tests: one prove over t/, against the normal build or one with sanitizers.

run_tests() {
    with_build_lock make -s -f src/Makefile -j "$(nproc)" \
        ${CC:+"CC=$CC"} unit bench soak
    client_packages
    prove_all "$objs" "$objs/ngx_eirc_module.so" "$(nginx_binary)" "$@"
}


# Clients of others, from npm, that tests try.

client_packages() {
    with_build_lock npm_ci t/clients
}


# prove_all OBJS MODULE NGINX [FILE ...]

prove_all() {
    local globals="load_module $2;" dir=$1 nginx=$3 status=0 before

    shift 3

    before=$(client_pids "$dir/irc-client")

    if [ $# -eq 0 ]; then
        set -- -r t
    fi

    # what configures the sanitizers is for irc-client too

    if [ -n "${ASAN_OPTIONS:-}" ]; then
        globals="$globals env ASAN_OPTIONS;"
    fi

    # workers must be able to enter a test's directory, which is root's then

    if [ "$(id -u)" = 0 ]; then
        globals="$globals user root;"
    fi

    EIRC_OBJS=$dir TEST_NGINX_BINARY=$nginx TEST_NGINX_GLOBALS=$globals \
        prove -j "${TEST_JOBS:-2}" "$@" || status=$?

    nothing_left "$dir/irc-client" "$before" || status=1

    return $status
}


# What a test started ends with it: no irc-client may be left that wasn't
# there before, but for those of a "run" beside.

nothing_left() {
    local exe=$1 before=$2 pid parent left=()

    for pid in $(client_pids "$exe"); do
        parent=$(parent_of "$pid")

        if ! grep -qxF -e "$pid" <<< "$before" \
            && ! works_below "$pid" "$top/run" \
            && ! works_below "$parent" "$top/run"
        then
            left+=("$pid")
        fi
    done

    if [ ${#left[@]} -gt 0 ]; then
        say "processes left by the tests:" >&2

        for pid in "${left[@]}"; do
            say "  $pid $(tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline")" >&2
        done

        return 1
    fi
}


run_asan() {
    local dir=$objs/asan reports=$objs/asan/reports status=0

    export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0
    export UBSAN_OPTIONS=print_stacktrace=1

    with_build_lock build_asan "$dir"
    with_build_lock build_web
    client_packages

    rm -rf "$reports"
    mkdir -p "$reports"
    chmod 1777 "$reports"

    prove_all "$dir" "$dir/ngx_eirc_module.so" "$dir/nginx/objs/nginx" "$@" \
        || status=$?

    # those of processes that the module started, which have no directory of
    # a test to write to

    if [ -n "$(ls -A "$reports")" ]; then
        say "reports of the sanitizers in $reports:" >&2
        head -n 40 "$reports"/* >&2
        status=1
    fi

    return $status
}


# In nginx's own code some things are undefined by the letter and meant so:
# nothing copied from NULL, words read at odd addresses.

build_asan() {
    local dir=$1 sources flags

    set -e

    if [ -n "${NGINX_SRC:-}" ]; then
        sources=$NGINX_SRC

    else
        sources=$dir/source/nginx
        debian_source "$dir/source"
    fi

    flags="-fsanitize=address,undefined -fno-omit-frame-pointer"
    flags="$flags -fno-sanitize=alignment,nonnull-attribute"
    flags="$flags,pointer-overflow,shift"

    build_nginx "$dir/nginx" "$sources" \
        "--with-cc-opt=-O1 -g $flags -DNGX_DEBUG_PALLOC=1" \
        "--with-ld-opt=$flags"
    cp "$dir/nginx/objs/ngx_http_eirc_module.so" "$dir/ngx_eirc_module.so"

    make -s -f src/Makefile -j "$(nproc)" ${CC:+"CC=$CC"} OBJS="$dir" \
        SANITIZE=address,undefined \
        CPPFLAGS="-DEIRC_SANITIZE_REPORTS='\"$dir/reports\"'" client unit bench soak
}


# The source package of Debian's nginx.  The machine may have no "deb-src":
# a list with them is made of its own lists, with a state of its own.

debian_source() {
    local dir=$1 version options file

    version=$(dpkg-query -W -f '${source:Version}' nginx)

    if [ "$(cat "$dir/version" 2> /dev/null)" = "$version" ]; then
        return
    fi

    rm -rf "$dir"
    mkdir -p "$dir/lists/partial" "$dir/parts"

    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        /etc/apt/sources.list.d/*.sources
    do
        if [ -e "$file" ]; then
            sed -E 's/^(Types:).*/\1 deb-src/; s/^deb /deb-src /' "$file" \
                > "$dir/parts/$(basename "$file")"
        fi
    done

    options=(-q -o "Dir::Etc::SourceList=/dev/null"
        -o "Dir::Etc::SourceParts=$dir/parts"
        -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir"
        -o "APT::Sandbox::User=$(id -un)")

    say "fetching the sources of nginx $version from Debian"

    # a mirror may have lost the package's other files but nginx's own
    # sources, which do without Debian's patches

    (
        cd "$dir"
        apt-get "${options[@]}" update
        apt-get "${options[@]}" source --download-only "nginx=$version" || true

        if ls nginx_*.dsc nginx_*.debian.tar.*; then
            dpkg-source --no-check -x nginx_*.dsc nginx

        else
            mkdir nginx
            tar -x -f nginx_*.orig.tar.gz -C nginx --strip-components=1
        fi

    ) > "$objs/asan/source.log" 2>&1 || {
        tail -n 20 "$objs/asan/source.log" >&2
        fail "there are no sources of nginx; NGINX_SRC=DIR names others"
    }

    say "$version" > "$dir/version"
}
