# Mistakes and looks: fuzz, lint and style.

fuzz() {
    local dir=$objs/fuzz name corpus status=0

    with_build_lock make -s -f src/Makefile -j "$(nproc)" CC=clang \
        OBJS="$dir" SANITIZE=address,undefined,fuzzer-no-link fuzz

    if [ $# -eq 0 ]; then
        set -- $(for name in t/fuzz/*.c; do basename "$name" .c; done)
    fi

    for name in "$@"; do
        corpus=$dir/corpus/$name
        mkdir -p "$corpus" "$dir/crashes"

        say "fuzz: $name"

        "$dir/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-60}" \
            -print_final_stats=1 -artifact_prefix="$dir/crashes/$name-" \
            "$corpus" $(ls -d "t/fuzz/corpus/$name" 2> /dev/null) \
            > "$dir/$name.log" 2>&1 \
            || {
                tail -n 40 "$dir/$name.log"
                say "fuzz: $name failed, see $dir/crashes"
                status=1
            }

        grep -E 'number_of_executed_units|new_units_added' \
            "$dir/$name.log" || true
    done

    return $status
}


lint() {
    local status=0 tree=$objs/nginx-debian incs file

    say "cppcheck"

    cppcheck -q --std=c11 --error-exitcode=1 --inline-suppr \
        --enable=warning,performance,portability -D_GNU_SOURCE \
        -Isrc/lib -Isrc/client \
        src/lib src/client t/bench t/load t/soak t/vectors t/near || status=1

    say "clang-tidy"

    find src/lib src/client t/bench t/load t/soak t/vectors t/near \
        -name '*.c' -print0 \
        | xargs -0 -n 4 -P 2 sh -c 'clang-tidy --quiet "$@" -- -std=c11 \
            -D_GNU_SOURCE -iquote t/load -Isrc/lib -Isrc/client 2>&1' sh \
        | grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -header' \
        || [ "${PIPESTATUS[1]}" = 0 ] || status=1

    say "clang's analyzer on the module"

    (NGINX_SRC= with_build_lock build_module)

    incs=$(sed -n '/^ALL_INCS/,/^$/p' "$tree/objs/Makefile" \
        | sed 's/^ALL_INCS =//; s/\\$//')

    for file in ngx_eirc_module.c src/module/*.c; do
        [ -e "$file" ] || continue

        (cd "$tree" && clang --analyze --analyzer-output text \
            -Xclang -analyzer-werror $incs "$top/$file") || status=1
    done

    return $status
}


style() {
    local status=0 files

    mapfile -t files < <(find src/lib src/client t/unit t/fuzz t/bench t/load \
        t/soak t/vectors t/near -name '*.[ch]' | sort)

    clang-format --dry-run -Werror "${files[@]}" || status=1

    mapfile -t files < <(find ngx_eirc_module.c src/module -name '*.[ch]' \
        2> /dev/null | sort)

    if [ ${#files[@]} -gt 0 ]; then
        awk -f src/build/style.awk "${files[@]}" || status=1
    fi

    # everywhere

    mapfile -t files < <(find build.sh config src t docs README.md .ci \
        -name node_modules -prune -o -type f \
        \( -name '*.[cht]' -o -name '*.p[lm]' -o -name '*.sh' -o -name '*.ts' \
        -o -name '*.md' -o -name '*.in' -o -name config \) -print)

    if grep -nE '[[:space:]]+$' "${files[@]}"; then
        say "style: space at the end of a line" >&2
        status=1
    fi

    if grep -nP '\t' "${files[@]}"; then
        say "style: tab" >&2
        status=1
    fi

    return $status
}
