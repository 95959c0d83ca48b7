# Packages: what each verb needs from Debian 12, and how it gets there
# without anything being started or enabled.

deps_build=(
    gcc make libc6-dev nginx nginx-dev libjansson-dev libseccomp-dev
    libc-ares-dev libncurses-dev zlib1g-dev libssl-dev libpcre2-dev
    ca-certificates
)

deps_run=("${deps_build[@]}" inspircd)

deps_test=(
    "${deps_run[@]}" perl libcmocka-dev libio-socket-ssl-perl openssl chromium
    python3-websockets tmux anope
)

# the certificates of the IRC server are made by the tests' library

deps_bench=("${deps_run[@]}" perl libio-socket-ssl-perl openssl)

deps_soak=("${deps_build[@]}" perl openssl)

deps_fuzz=(
    make clang libclang-rt-14-dev libjansson-dev libseccomp-dev libc-ares-dev
    libncurses-dev libssl-dev zlib1g-dev
)

# nginx-dev has nginx's headers only: its sources come as a source package

deps_asan=("${deps_test[@]}" clang libclang-rt-14-dev dpkg-dev xz-utils)

deps_lint=("${deps_build[@]}" clang clang-tidy cppcheck)

deps_style=(clang-format)


deps() {
    local verb missing=() wanted=()

    if [ $# -eq 0 ]; then
        set -- build run test
    fi

    for verb in "$@"; do
        case $verb in
            build | run | test | bench | soak | fuzz | asan | lint | style)
                local -n list=deps_$verb
                wanted+=("${list[@]}")
            ;;

            install)
                wanted+=("${deps_build[@]}")
            ;;

            *)
                fail "deps: no such verb: $verb"
            ;;
        esac

        case $verb in
            build | run | test | bench | soak | asan | install)
                has_node || wanted+=(nodejs npm)
            ;;
        esac
    done

    if ! command -v dpkg-query > /dev/null; then
        fail "this isn't Debian. What is needed is what Debian 12 calls:" \
            "${wanted[*]}"
    fi

    mapfile -t missing < <(missing_packages "${wanted[@]}")

    if [ ${#missing[@]} -eq 0 ]; then
        return
    fi

    install_missing "${missing[@]}"
}


has_node() {
    local version

    version=$(node -p 'process.versions.node.split(".")[0]' 2> /dev/null) \
        || return 1

    [ "$version" -ge 18 ] && command -v npm > /dev/null
}


missing_packages() {
    local installed package

    installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" \
        2> /dev/null | sed -n 's/^ii //p') || true

    for package in $(printf '%s\n' "$@" | sort -u); do
        grep -qxF -e "$package" <<< "$installed" || say "$package"
    done
}


install_missing() {
    local code

    say "installing from Debian: $*"

    if [ "$(id -u)" = 0 ]; then
        (install_packages "$@")
        return
    fi

    if command -v sudo > /dev/null && { sudo -n true 2> /dev/null \
        || [ -t 0 ]; }
    then
        code=$(declare -f install_packages apt_install enabled_services \
            disable_new_services)
        sudo bash -c "set -euo pipefail; $code; install_packages \"\$@\"" \
            bash "$@"
        return
    fi

    fail "these packages are missing and need root to be installed:

    apt-get install --no-install-recommends $*

Run \"./build.sh deps\" as root (it also takes care that no service is
started or enabled), or install them, and try again."
}


# The following run as root, in a shell of their own.  While packages are
# configured, policy-rc.d forbids to start anything.  A policy that was there
# is kept beside, also for the case that this shell is killed, and put back.

install_packages() {
    local policy=/usr/sbin/policy-rc.d before

    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    export PATH=$PATH:/usr/sbin:/sbin

    before=$(enabled_services)

    if [ -e "$policy" ] && ! grep -q 'written by eIRC' "$policy"; then
        mv -f "$policy" "$policy.eirc-saved"
    fi

    restore_policy="rm -f $policy;
        if [ -e $policy.eirc-saved ]; then
            mv -f $policy.eirc-saved $policy;
        fi"
    trap "$restore_policy" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    printf '#!/bin/sh\n# written by eIRC'\''s build.sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"

    # what was enabled is disabled again also when the installation fails

    if ! apt_install "$@"; then
        disable_new_services "$before"
        exit 1
    fi

    disable_new_services "$before"
}


apt_install() {
    local options=(-q -y --no-install-recommends -o DPkg::Lock::Timeout=300
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold)

    if ! apt-get install -s "${options[@]}" "$@" > /dev/null 2>&1; then
        apt-get -q update
    fi

    if apt-get install "${options[@]}" "$@"; then
        return
    fi

    # the lists may name versions that the mirror no longer has

    apt-get -q update
    apt-get install "${options[@]}" "$@"
}


# "unit NAME", "user NAME" and "rc NAME" for all that starts by itself

enabled_services() {
    local link kind

    for kind in system user; do
        [ -d /etc/systemd/$kind ] || continue

        find /etc/systemd/$kind -type l -path '*.*/*' \
            | while read -r link; do
                echo "$kind $(basename "$link")"
            done
    done | sort -u

    for link in /etc/rc[2-5S].d/S*; do
        [ -e "$link" ] && echo "rc $(basename "$link" | cut -c 4-)"
    done | sort -u
}


disable_new_services() {
    local before=$1 kind name

    enabled_services | while read -r kind name; do
        if grep -qxF -e "$kind $name" <<< "$before"; then
            continue
        fi

        echo "not enabled: $name"

        case $kind in
            system | user)
                if command -v deb-systemd-helper > /dev/null; then
                    deb-systemd-helper $([ $kind = user ] && echo --user) \
                        disable "$name" > /dev/null 2>&1 || true
                fi

                # what is left of it when there was no helper to ask

                find /etc/systemd/$kind -type l -path '*.*/*' \
                    -name "$name" -delete
            ;;

            rc)
                update-rc.d "$name" defaults-disabled > /dev/null 2>&1 \
                    || true
                update-rc.d "$name" disable > /dev/null 2>&1 || true
            ;;
        esac
    done

    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload || true
    fi
}
