# The page: built by Vite from src/web/ into objs/web/.  npm writes below the
# checkout only, its cache too.

build_web() {
    local stamp=$objs/web.stamp want

    if [ ! -e src/web/package.json ]; then
        return
    fi

    npm_ci src/web

    want=$(folder_digest src/web)

    if [ -e "$objs/web/index.html" ] \
        && [ "$(cat "$stamp" 2> /dev/null)" = "$want" ]
    then
        return
    fi

    rm -f "$stamp"

    if ! npm_run src/web run build > "$objs/web.log" 2>&1; then
        tail -n 40 "$objs/web.log" >&2
        fail "the build of the page failed: $objs/web.log"
    fi

    [ -e "$objs/web/index.html" ] || fail "the build of the page left no page"

    say "$want" > "$stamp"
}


npm_ci() {
    local folder=$1 stamp=$1/node_modules/.eirc want

    want=$(sha256sum "$folder/package-lock.json" | cut -d ' ' -f 1)

    if [ "$(cat "$stamp" 2> /dev/null)" = "$want" ]; then
        return
    fi

    say "installing from npm: $folder"

    if ! npm_run "$folder" ci > "$objs/npm.log" 2>&1; then
        tail -n 40 "$objs/npm.log" >&2
        fail "npm ci failed: $objs/npm.log"
    fi

    say "$want" > "$stamp"
}


npm_run() {
    local folder=$1

    shift

    (
        cd "$folder"
        npm --cache "$objs/npm" --no-audit --no-fund --no-update-notifier \
            "$@"
    )
}


folder_digest() {
    find "$1" -name node_modules -prune -o -type f -print0 | sort -z \
        | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
}
