# The soak: what is in t/soak/, against the normal build, or with SOAK_ASAN=1
# against the one with sanitizers.

soak() {
    local dir=$objs module nginx globals

    # as many descriptors as the user may have: four for each of many users

    ulimit -S -n "$(ulimit -H -n)"

    if [ -n "${SOAK_ASAN:-}" ]; then
        dir=$objs/asan
        export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0
        export UBSAN_OPTIONS=print_stacktrace=1

        with_build_lock build_asan "$dir"
        nginx=$dir/nginx/objs/nginx

    else
        do_build
        nginx=$(nginx_binary)
    fi

    module=$dir/ngx_eirc_module.so
    globals="load_module $module;"

    if [ -n "${ASAN_OPTIONS:-}" ]; then
        globals="$globals env ASAN_OPTIONS;"
    fi

    if [ "$(id -u)" = 0 ]; then
        globals="$globals user root;"
    fi

    with_build_lock make -s -f src/Makefile -j "$(nproc)" \
        ${CC:+"CC=$CC"} soak

    EIRC_SOAK=$objs/soak EIRC_OBJS=$dir TEST_NGINX_BINARY=$nginx \
        TEST_NGINX_GLOBALS=$globals perl t/soak/soak.pl "$@"
}
