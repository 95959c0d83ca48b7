# The nginx module: for Debian's nginx, whose headers and configure script
# are in the package nginx-dev, or with NGINX_SRC for any tree of nginx's
# sources, which is copied and never written to.

debian_nginx=/usr/share/nginx/src

hardening="-fstack-protector-strong -Wformat -Werror=format-security"
hardening="$hardening -D_FORTIFY_SOURCE=2"


nginx_tree() {
    if [ -n "${NGINX_SRC:-}" ]; then
        say "$objs/nginx-src"

    else
        say "$objs/nginx-debian"
    fi
}


# The nginx that the module is for.

nginx_binary() {
    if [ -n "${NGINX_SRC:-}" ]; then
        say "$objs/nginx-src/objs/nginx"
        return
    fi

    command -v nginx || fail "there is no nginx: ./build.sh deps"
}


build_module() {
    local tree flags=()

    if [ ! -e ngx_eirc_module.c ]; then
        return
    fi

    tree=$(nginx_tree)

    if [ -n "${NGINX_SRC:-}" ]; then
        build_nginx "$tree" "$NGINX_SRC" "--with-cc-opt=-g -O2 -fPIC $hardening"

    else
        copy_nginx "$debian_nginx" "$tree"

        # exactly Debian's, or the module would not be binary compatible

        . "$debian_nginx/conf_flags"

        flags=("${NGX_CONF_FLAGS[@]}")
        flags+=("--with-cc-opt=-g -O2 -fPIC $hardening")
        flags+=("--with-ld-opt=-fPIC -Wl,-z,relro -Wl,-z,now")

        configure_nginx "$tree" "${flags[@]}"
        make_nginx "$tree" modules
    fi

    if ! cmp -s "$tree/objs/ngx_http_eirc_module.so" \
        "$objs/ngx_eirc_module.so"
    then
        # by a rename: a running nginx keeps the file that it has mapped

        cp "$tree/objs/ngx_http_eirc_module.so" "$objs/ngx_eirc_module.so.new"
        mv -f "$objs/ngx_eirc_module.so.new" "$objs/ngx_eirc_module.so"
    fi
}


# build_nginx TREE SOURCES OPTION ...: nginx and the module

build_nginx() {
    local tree=$1 sources=$2

    shift 2

    [ -d "$sources/src/core" ] || fail "no nginx sources in $sources"

    copy_nginx "$sources" "$tree"
    configure_nginx "$tree" --with-compat --with-debug --with-pcre-jit \
        --with-threads --with-http_ssl_module --with-http_v2_module \
        --with-http_realip_module --with-http_auth_request_module \
        --with-http_stub_status_module --with-poll_module --with-select_module \
        "$@"
    make_nginx "$tree" build
}


# Times of files are kept, so that only what changed is compiled again.  Owners
# are not: "sudo ./build.sh install" would leave root's folders to the next
# build, which could not set the times of those.

copy_nginx() {
    local sources=$1 tree=$2 part

    if [ "$(cat "$tree/.sources" 2> /dev/null)" != "$sources" ]; then
        rm -rf "$tree"
        mkdir -p "$tree"
        say "$sources" > "$tree/.sources"
    fi

    for part in auto configure src conf contrib docs man; do
        if [ -e "$sources/$part" ]; then
            cp -R -u --preserve=mode,timestamps "$sources/$part" "$tree/"
        fi
    done
}


configure_nginx() {
    local tree=$1 script=./configure have want

    shift

    [ -e "$tree/configure" ] || script=./auto/configure

    want=$(
        printf '%s\n' "$@" "${CC:-cc}" "$libexec"
        cat config
        find "$tree/auto" -type f -printf '%P %s %T@\n' | sort
    )
    have=$(cat "$tree/.configured" 2> /dev/null || true)

    if [ "$have" = "$want" ] && [ -e "$tree/objs/Makefile" ]; then
        return
    fi

    rm -f "$tree/.configured"

    if ! (
        cd "$tree"
        EIRC_CLIENT=$libexec/irc-client "$script" \
            --with-cc="${CC:-cc}" "$@" --add-dynamic-module="$top"

    ) > "$tree/configure.log" 2>&1
    then
        tail -n 20 "$tree/configure.log" >&2
        fail "configure failed: $tree/configure.log"
    fi

    say "$want" > "$tree/.configured"
}


make_nginx() {
    local tree=$1 target=$2

    # the generated rules of the module know its headers; configure has
    # written the list of the sources

    if ! make -C "$tree" -f objs/Makefile -j "$(nproc)" "$target" \
        > "$tree/make.log" 2>&1
    then
        grep -E -A 8 'error:|warning:' "$tree/make.log" | head -n 60 >&2 \
            || tail -n 20 "$tree/make.log" >&2
        fail "make failed: $tree/make.log"
    fi

    # nginx's own warnings are errors by its own flags; what the linker says
    # is not

    if grep -E 'warning:' "$tree/make.log" >&2; then
        fail "the build of the module isn't free of warnings"
    fi
}
