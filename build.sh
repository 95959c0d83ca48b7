#!/bin/bash
#
# Everything that is done with eIRC's sources.  ./build.sh without a verb
# says what there is.

set -euo pipefail

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
self=$top/build.sh
objs=$top/objs

cd -- "$top"

export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

prefix=${PREFIX:-/usr/local}

# where "install" puts irc-client, and where the module looks for it
libexec=$prefix/libexec/eirc

. src/build/deps.sh
. src/build/module.sh
. src/build/web.sh
. src/build/check.sh
. src/build/test.sh
. src/build/bench.sh
. src/build/soak.sh
. src/run/run.sh


usage() {
    cat << END
Usage: ./build.sh VERB [ARGUMENT ...]

  deps [VERB ...]  install what is missing from Debian 12 to do VERB: build,
                   run, test, bench, soak, fuzz, asan, lint or style (default:
                   build, run and test)
  build            build the nginx module, irc-client and the page into objs/
  run              build, start InspIRCd and nginx with the page, stop on
                   Ctrl-C
  test [FILE ...]  build and test; with files (t/*.t) only these
  bench [--quick] [DIR]
                   measure beside InspIRCd and an nginx that passes its
                   WebSocket on; the figures go to DIR (default:
                   objs/bench/results); see docs/performance.md
  soak [SCENARIO ...]
                   kill, cut off and reload many sessions under load:
                   kills, tls, unix, cuts, reload, nginx,
                   layer, upgrade, corrupt, all (default: each)
  fuzz [NAME ...]  feed the parsers (t/fuzz/) for a while
  asan [FILE ...]  test with the sanitizers for addresses and undefined
                   behavior
  lint             look for mistakes with cppcheck, clang-tidy and clang
  style            check the look of the sources
  install          install the module, irc-client, its unit for systemd, the
                   page and the documents; says where

Environment:

  NGINX_SRC=DIR    build, run, test: build the nginx whose sources are in DIR
                   too, and the module for it, in place of Debian's; asan:
                   the sources of nginx
  CC=gcc           the C compiler
  PORT=8080 IRC_PORT=6667 RUN_DIR=run
                   run: ports of the page and of InspIRCd, and the directory
                   of configuration and logs
  FUZZ_SECONDS=60  fuzz: time for each target
  SOAK_SEED=N      soak: what is random in the peers, as it was in another run
  SOAK_USERS=50 SOAK_KILLS=2000 SOAK_CUTS=200 SOAK_NGINX=50
  SOAK_LAYER=50 SOAK_UPGRADES=20 SOAK_CORRUPT=200
  SOAK_RELOAD_USERS=1000 SOAK_SECONDS=600
                   soak: how much of it
  SOAK_ASAN=1      soak: with the sanitizers
  BENCH_USERS="100 1000 10000" BENCH_ROUNDS=3 BENCH_SECONDS=3
                   bench: numbers of users, rounds, length of each phase;
                   more in docs/performance.md
  PREFIX=/usr/local DESTDIR=
                   build, install: where things go
  TEMPLATE=no      build: without irc-client-template, which needs libraries
                   to be linked statically
END
}


say() {
    printf '%s\n' "$*"
}


fail() {
    printf 'build.sh: %s\n' "$*" >&2
    exit 1
}


# Writes stdin to a file unless that is what it holds already.

write_if_changed() {
    local file=$1 new=$1.new.$$

    cat > "$new"

    if cmp -s "$new" "$file"; then
        rm -f "$new"

    else
        mv -f "$new" "$file"
    fi
}


# One build at a time in a checkout: tests beside each other may all find
# that there is nothing to be built.

with_build_lock() {
    mkdir -p "$objs"

    (
        flock 8
        "$@" 8>&-

    ) 8> "$objs/.lock"
}


do_build() {
    with_build_lock build_all
}


# errexit holds in here as everywhere, because nobody asks for the status

build_all() {
    set -e
    build_module
    build_client
    build_web
}


build_client() {
    make -s -f src/Makefile -j "$(nproc)" ${CC:+"CC=$CC"} client
}


do_install() {
    local modules doc=$prefix/share/doc/eirc man=$prefix/share/man/man1
    local units=$prefix/lib/systemd/system

    do_build

    modules=$("$(nginx_binary)" -V 2>&1 \
        | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')
    modules=${modules:-$prefix/lib/nginx/modules}

    install -D -m 644 "$objs/ngx_eirc_module.so" \
        "${DESTDIR:-}$modules/ngx_eirc_module.so"

    # first what irc-client looks for when it is executed

    if [ -e "$objs/irc-client-template" ]; then
        install -D -m 755 "$objs/irc-client-template" \
            "${DESTDIR:-}$libexec/irc-client-template"
    fi

    install -D -m 755 "$objs/irc-client" "${DESTDIR:-}$libexec/irc-client"

    install -D -m 644 docs/irc-client.1 "${DESTDIR:-}$man/irc-client.1"

    install -d "${DESTDIR:-}$units"
    sed "s|/usr/local/libexec/eirc/|$libexec/|" 'docs/eirc-sockets@.service' \
        > "${DESTDIR:-}$units/eirc-sockets@.service"
    chmod 644 "${DESTDIR:-}$units/eirc-sockets@.service"

    install -d "${DESTDIR:-}$doc"
    install -m 644 README.md docs/*.md docs/CHANGES "${DESTDIR:-}$doc/"

    if [ -d "$objs/web" ]; then
        install -d "${DESTDIR:-}$prefix/share/eirc"
        cp -R "$objs/web" "${DESTDIR:-}$prefix/share/eirc/"
    fi

    say "installed: $modules/ngx_eirc_module.so $libexec/ $man/irc-client.1" \
        "$units/eirc-sockets@.service $doc/ $prefix/share/eirc/"
}


main() {
    local verb=${1:-help}

    shift || true

    case $verb in
        deps)
            deps "$@"
        ;;

        build)
            deps build
            do_build
        ;;

        run)
            deps run
            do_build
            run "$@"
        ;;

        test)
            deps test
            do_build
            run_tests "$@"
        ;;

        bench)
            deps bench
            do_build
            bench "$@"
        ;;

        soak)
            deps soak ${SOAK_ASAN:+asan}
            soak "$@"
        ;;

        fuzz)
            deps fuzz
            fuzz "$@"
        ;;

        asan)
            deps asan
            run_asan "$@"
        ;;

        lint)
            deps lint
            lint
        ;;

        style)
            deps style
            style
        ;;

        install)
            deps build
            do_install
        ;;

        help | -h | --help)
            usage
        ;;

        *)
            usage >&2
            fail "no such verb: $verb"
        ;;
    esac
}


main "$@"
