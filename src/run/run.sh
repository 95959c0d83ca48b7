# Trying it: InspIRCd and nginx with the module and the page, everything
# below one directory, for as long as this script lives.

run_pids=()

declare -A run_names


run() {
    run_heed_sigint "$@"

    run_dir=$(readlink -m -- "${RUN_DIR:-$top/run}")
    run_port=${PORT:-8080}
    run_irc_port=${IRC_PORT:-6667}

    [[ $run_port =~ ^[0-9]+$ && $run_irc_port =~ ^[0-9]+$ ]] \
        || fail "PORT and IRC_PORT are numbers"

    # the address of a UNIX socket has room for 107 bytes

    [ ${#run_dir} -le 85 ] \
        || fail "$run_dir is too long a name for sockets: set RUN_DIR"

    mkdir -p "$run_dir"

    exec 7> "$run_dir/lock"
    flock -n 7 || fail "already running in $run_dir (process" \
        "$(cat "$run_dir/run.pid" 2> /dev/null));" \
        "stop that one, or set RUN_DIR, PORT and IRC_PORT"
    say $$ > "$run_dir/run.pid"

    trap run_stop EXIT
    trap 'exit 0' INT TERM
    trap 'exit 129' HUP

    run_stop_stale
    run_check_port PORT "$run_port" 8081
    run_check_port IRC_PORT "$run_irc_port" 6668
    run_choose_user
    run_configure
    run_start
    run_follow
}


# A shell without job control starts what is in the background with SIGINT
# ignored, and no trap can change that.

run_heed_sigint() {
    local ignored

    ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status)

    if ((0x$ignored & 2)); then
        exec env --default-signal=INT "$self" run "$@"
    fi
}


# As root: nginx's workers, the users' processes and InspIRCd are another
# user's where that one can reach what it needs.  A checkout below /root is
# out of its reach; everything is root's then.

run_choose_user() {
    local file

    run_user=

    if [ "$(id -u)" != 0 ]; then
        return
    fi

    run_user=www-data

    for file in "$objs/irc-client" "$objs/web/index.html" "$run_dir/lock"; do
        if ! setpriv --reuid=www-data --regid=www-data --clear-groups \
            test -r "$file" 2> /dev/null
        then
            run_user=root
        fi
    done
}


run_configure() {
    mkdir -p "$run_dir/logs" "$run_dir/tmp" "$run_dir/ircd"

    say "Welcome to eIRC on $(uname -n)." > "$run_dir/ircd/motd.txt"

    run_expand src/run/inspircd.conf.in "$run_dir/ircd" \
        > "$run_dir/ircd/inspircd.conf"
    run_expand src/run/nginx.conf.in "$run_dir" > "$run_dir/nginx.conf"

    : > "$run_dir/logs/error.log"
    : > "$run_dir/logs/access.log"

    if [ -n "$run_user" ]; then
        chown -R "$run_user:" "$run_dir/ircd"
    fi
}


run_expand() {
    local user=

    if [ -n "$run_user" ]; then
        user="user              $run_user;"
    fi

    sed -e "s|@DIR@|$2|g" -e "s|@PORT@|$run_port|g" \
        -e "s|@IRC_PORT@|$run_irc_port|g" -e "s|@USER@|$user|" \
        -e "s|@MODULE@|$objs/ngx_eirc_module.so|" \
        -e "s|@CLIENT@|$objs/irc-client|" -e "s|@WEB@|$objs/web|" \
        -e "s|@WORKERS@|$(nproc)|" -e "s|@FAKELAG@|on|" -e "s|@MORE@||" "$1"
}


# Each in a session of its own: Ctrl-C is for this script alone, which stops
# them in order.

run_start() {
    local ircd=(inspircd "--config=$run_dir/ircd/inspircd.conf" --nofork)

    case $run_user in
        '')
        ;;

        root)
            ircd+=(--runasroot)
        ;;

        *)
            ircd=(setpriv "--reuid=$run_user" "--regid=$run_user"
                --clear-groups "${ircd[@]}")
        ;;
    esac

    run_child InspIRCd "$run_dir/ircd/output" "${ircd[@]}"
    run_wait "$run_irc_port" "$run_dir/ircd/output"

    run_child nginx "$run_dir/logs/output" "$(nginx_binary)" -p "$run_dir/" \
        -c "$run_dir/nginx.conf" -e "$run_dir/logs/error.log"
    run_wait "$run_port" "$run_dir/logs/output"

    run_answers || fail "nginx doesn't serve the page, see $run_dir/logs"
}


run_child() {
    local name=$1 output=$2

    shift 2
    setsid "$@" > "$output" 2>&1 < /dev/null 7>&- &
    run_pids+=($!)
    run_names[$!]=$name
    say $! > "$run_dir/$name.run.pid"
}


# Waits until somebody listens on the port, or the youngest child is gone.

run_wait() {
    local pid=${run_pids[-1]} i

    for ((i = 0; i < 200; i++)); do
        if ! kill -0 "$pid" 2> /dev/null; then
            cat "$2" >&2
            fail "${run_names[$pid]} doesn't start"
        fi

        if [ -n "$(run_listener "$1")" ]; then
            return
        fi

        sleep 0.05
    done

    cat "$2" >&2
    fail "${run_names[$pid]} doesn't answer on port $1"
}


run_answers() {
    local line=

    if ! exec 6<> "/dev/tcp/127.0.0.1/$run_port"; then
        return 1
    fi

    printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' >&6
    read -r -t 5 line <&6 || true
    exec 6>&-

    [[ $line == *" 200 "* ]]
}


run_follow() {
    local dead= tail status=0

    say
    say "eIRC is running at http://127.0.0.1:$run_port/"
    say
    say "  nginx      with objs/ngx_eirc_module.so${run_user:+, as $run_user}"
    say "  irc-client one process for every user, started by the module"
    say "  InspIRCd   on 127.0.0.1:$run_irc_port, for any IRC client too"
    say "  $run_dir has the configuration and the logs"

    if [ "$run_user" = root ]; then
        say "  everything runs as root: www-data can't reach this directory"
    fi

    say
    say "Ctrl-C stops it all. The logs:"

    tail -q -n 0 -F --pid $$ "$run_dir/logs/access.log" \
        "$run_dir/logs/error.log" \
        "$run_dir/ircd/inspircd.log" 2> /dev/null 7>&- &
    tail=$!

    # the status of wait is that of the process that died

    wait -n -p dead "${run_pids[@]}" || status=$?

    kill "$tail" 2> /dev/null || true

    fail "${run_names[$dead]} has ended (status $status)," \
        "see the logs in $run_dir"
}


# Stops what this script started; the trap of its end.

run_stop() {
    local status=$? pid

    trap '' INT TERM HUP

    run_end_all "${run_pids[@]}"

    for pid in $(jobs -p); do
        kill "$pid" 2> /dev/null || true
    done

    rm -f "$run_dir"/*.run.pid "$run_dir/run.pid"

    exit "$status"
}


# A run that was killed left its children, and files with their pids.  A pid
# may be another's today, so the process must speak of this directory.

run_stop_stale() {
    local file pid pids=()

    for file in "$run_dir"/*.run.pid; do
        pid=$(cat "$file" 2> /dev/null) || continue

        if [[ $pid =~ ^[0-9]+$ ]] && grep -qaF -e "$run_dir/" \
            "/proc/$pid/cmdline" 2> /dev/null
        then
            pids+=("$pid")
        fi
    done

    pids+=($(run_clients))

    if [ ${#pids[@]} -gt 0 ]; then
        say "stopping what an earlier run left: ${pids[*]}"
        run_end_all "${pids[@]}"
    fi

    rm -f "$run_dir"/*.run.pid
}


# nginx and InspIRCd first; then socket layers and the users' processes, which
# would wait for their browsers.

run_end_all() {
    local pids=("$@") i clients

    # also those that lose their parent now

    clients=$(run_clients)

    run_signal TERM "${pids[@]}"
    run_gone 100 "${pids[@]}" || run_signal KILL "${pids[@]}"

    run_signal TERM $(run_clients $clients)
    run_gone 100 $(run_clients $clients) && return
    run_signal KILL $(run_clients $clients)
}


run_signal() {
    local signal=$1 pid

    shift

    for pid in "$@"; do
        kill -s "$signal" "$pid" 2> /dev/null || true
    done
}


run_gone() {
    local i=$1 pid alive

    shift

    for ((; i > 0; i--)); do
        alive=

        for pid in "$@"; do
            if kill -0 "$pid" 2> /dev/null; then
                alive=1
            fi
        done

        [ -n "$alive" ] || return 0
        sleep 0.05
    done

    return 1
}


# The irc-clients of this directory: socket layers work in it, the others are
# their children.  Those given are known to be.

run_clients() {
    local pid parent all mine=" $*"

    all=$(client_pids "$objs/irc-client")

    for pid in $all; do
        if works_below "$pid" "$run_dir"; then
            mine="$mine $pid"
        fi
    done

    for pid in $all; do
        parent=$(parent_of "$pid")

        if [[ "$mine " == *" $pid "* || "$mine " == *" $parent "* ]]; then
            say "$pid"
        fi
    done
}


works_below() {
    [[ $(readlink "/proc/$1/cwd" 2> /dev/null)/ == "$2"/* ]]
}


parent_of() {
    sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status" 2> /dev/null || true
}


# Those that run that irc-client, or the template that belongs to it.

client_pids() {
    local exe link

    for exe in /proc/[0-9]*/exe; do
        link=$(readlink "$exe" 2> /dev/null) || continue

        link=${link% (deleted)}

        if [ "${link%-template}" = "$1" ]; then
            exe=${exe#/proc/}
            say "${exe%/exe}"
        fi
    done
}


run_check_port() {
    local inode fd owner=

    inode=$(run_listener "$2")

    if [ -z "$inode" ]; then
        return
    fi

    for fd in /proc/[0-9]*/fd/*; do
        if [ "$(readlink "$fd" 2> /dev/null)" = "socket:[$inode]" ]; then
            fd=${fd#/proc/}
            owner=" by process ${fd%%/*} ($(tr '\0' ' ' \
                < "/proc/${fd%%/*}/cmdline"))"
            break
        fi
    done

    fail "port $2 is taken$owner; choose another one:" \
        "$1=$3 ./build.sh run"
}


# The inode of the socket that listens on a port, on 127.0.0.1 or everywhere.

run_listener() {
    local port

    port=$(printf '%04X' "$1")

    awk -v port="$port" '$4 == "0A" && $2 ~ (":" port "$") \
        && $2 ~ /^(0100007F|00000000|0+0000FFFF0100007F|0+):/ \
        { print $10; exit }' /proc/net/tcp $(ls /proc/net/tcp6 2> /dev/null)
}
