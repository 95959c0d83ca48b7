# The benchmark: what is in t/bench/, against the normal build.

bench() {
    local quick= out

    if [ "${1:-}" = --quick ]; then
        quick=--quick
        shift
    fi

    [ $# -le 1 ] || fail "bench: one directory at most"

    out=$(readlink -m -- "${1:-$objs/bench/results}")

    with_build_lock make -s -f src/Makefile -j "$(nproc)" \
        ${CC:+"CC=$CC"} bench

    # as many descriptors as the user may have: one for each connection

    ulimit -S -n "$(ulimit -H -n)"

    EIRC_OBJS=$objs BENCH_MODULE=$objs/ngx_eirc_module.so \
        BENCH_NGINX=$(nginx_binary) perl t/bench/bench.pl $quick "$out"
}
