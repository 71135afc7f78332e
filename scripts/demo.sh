#!/usr/bin/env bash
# The tour: a stack from Git comes up, a signed webhook updates it, and all of it goes away again.
#
#   scripts/demo.sh               called by `make demo`, which brings the engine; KEEP=1 leaves all up
#   scripts/demo.sh stop FOLDER   ends what KEEP=1 left
#
# What is printed after a $ is what is run, so every step can be repeated by hand. Hence the commands
# in single quotes: they are shown with the names of their variables.
# shellcheck disable=SC2016,SC2034
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python

# Bold where somebody looks; a pipe or a file gets the words alone.
bold= plain=
[ ! -t 1 ] || bold=$'\033[1m' plain=$'\033[0m'

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

show() { printf '  $ %s\n' "$1"; }

# run COMMAND: shows a command line, and runs just that.
run() {
    show "$1"
    eval "$1"
}

# ask COMMAND: the same, and keeps the answer for a closer look.
ask() {
    show "$1"
    eval "$1" >"$FOLDER/answer" || fail "$(cat "$FOLDER/answer")"
    indent <"$FOLDER/answer"
}

fail() {
    printf '\nThe demo failed: %s\n' "$1" >&2
    exit 1
}

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# field NAME: one field of the JSON object on the input.
field() {
    "$python" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

indent() { sed 's/^/    /'; }

# --- What the demo needs -----------------------------------------------------------------------

prepare() {
    command -v curl >/dev/null || scripts/install.sh curl
    FOLDER=$(mktemp -d)
    IMAGE=supervisor-demo/base:$$
    SERVER_PID=
    SUPERVISOR=http://127.0.0.1:$(free_port)
    WEB=http://127.0.0.1:$(free_port)
    KEY=$("$python" -c 'import secrets; print(secrets.token_urlsafe(24))')
    SECRET=$("$python" -c 'import secrets; print(secrets.token_urlsafe(24))')
    trap finish EXIT
}

make_image() {
    say "An image is made on the spot, so that no registry is needed."
    run "scripts/base-image.sh $IMAGE"
}

# Two services; web serves the version, db is never touched by a change of it.
write_version() {
    cat >"$FOLDER/work/compose.yml" <<YAML
services:
  web:
    image: $IMAGE
    command: ["sh", "-c", "mkdir -p /www; echo $1 >/www/version; exec httpd -f -h /www"]
    ports: ["${WEB#http://}:80"]
    stop_grace_period: 0s
  db:
    image: $IMAGE
    command: ["sleep", "1000000"]
    stop_grace_period: 0s
YAML
}

# Without this machine's settings, which may want a signature or another branch name.
git_in_work() {
    env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -C "$FOLDER/work" \
        -c user.name=Demo -c user.email=demo@example.org "$@"
}

push_version() {
    write_version "$1"
    git_in_work add compose.yml
    git_in_work commit --quiet --message "Version $1"
    git_in_work push --quiet origin main
    COMMIT=$(git_in_work rev-parse HEAD)
    echo "    ${COMMIT:0:12} Version $1"
}

make_repository() {
    say "A Git repository holds a stack of two services: web serves its version, db just runs."
    git init --quiet --bare --initial-branch=main "$FOLDER/sample.git"
    git init --quiet --initial-branch=main "$FOLDER/work"
    git_in_work remote add origin "$FOLDER/sample.git"
    push_version 1
    indent <"$FOLDER/work/compose.yml"
}

is_up() { curl --silent --fail --output /dev/null "$SUPERVISOR/up"; }

is_alive() { [ -n "$SERVER_PID" ] && kill -0 "$SERVER_PID" 2>/dev/null; }

start_service() {
    say "Supervisor starts, with its database and checkouts in a folder of its own."
    echo "  $ .venv/bin/gunicorn --config gunicorn.conf.py app:app    # with SUPERVISOR_… set"
    SUPERVISOR_API_KEY=$KEY SUPERVISOR_BIND=${SUPERVISOR#http://} \
        SUPERVISOR_SECRET_KEY_BASE=$KEY$SECRET SUPERVISOR_STORAGE=$FOLDER/storage \
        setsid .venv/bin/gunicorn --config gunicorn.conf.py app:app \
        >"$FOLDER/service.log" 2>&1 </dev/null &
    SERVER_PID=$!
    for _ in {1..150}; do
        ! is_up || break
        is_alive || fail "the service ended at its start"
        sleep 0.1
    done
    ask 'curl --silent --show-error --fail "$SUPERVISOR/up"'
}

# --- The story -----------------------------------------------------------------------------------

create_stack() {
    say "A stack is created: a name, a repository, a reference, a compose file and a strategy."
    STACK_JSON=$(
        cat <<JSON
{"name": "demo", "git_repository": "file://$FOLDER/sample.git", "git_reference": "refs/heads/main",
 "compose_file": "compose.yml", "strategy": "webhook",
 "signature_header": "X-Hub-Signature-256", "signature_secret": "$SECRET"}
JSON
    )
    show "STACK_JSON='$STACK_JSON'"
    ask 'curl --silent --show-error --fail-with-body --header "Authorization: Bearer $KEY" --json "$STACK_JSON" "$SUPERVISOR/stacks"'
    STACK=$(field uuid <"$FOLDER/answer")
    show "STACK=$STACK"
}

# Prints the lines of the event stream until a run has ended; fails if the run did.
read_until_run_ended() {
    "$python" -c '
import json, sys

event = {}
for line in sys.stdin:
    name, _, value = line.rstrip("\n").partition(":")
    if name:
        event[name] = value.strip()
        continue
    if event.get("event") == "output":
        print("    |", json.loads(event["data"])["message"], flush=True)
    if event.get("event") == "message":
        data = json.loads(event["data"])
        print("    = {action} {status}: {message}".format(**data))
        open(sys.argv[1], "w").write(event["id"])
        sys.exit(data["status"] != "succeeded")
    event = {}
sys.exit("The event stream ended before the run did.")
' "$FOLDER/last-event-id"
}

# Server-sent events; Last-Event-ID goes on where the last look at the log ended.
follow_run() {
    local since curl_pid status=0
    since=$(cat "$FOLDER/last-event-id" 2>/dev/null || echo 0)
    show 'curl --no-buffer --header "Authorization: Bearer $KEY" --header "Last-Event-ID: '"$since"'" "$SUPERVISOR/stacks/$STACK/log?follow=true"'
    exec 3< <(exec curl --silent --show-error --fail --no-buffer --max-time 120 \
        --header "Authorization: Bearer $KEY" --header "Last-Event-ID: $since" \
        "$SUPERVISOR/stacks/$STACK/log?follow=true")
    curl_pid=$!
    read_until_run_ended <&3 || status=$?
    kill "$curl_pid" 2>/dev/null || true
    exec 3<&-
    [ "$status" = 0 ] || fail "the run did not succeed"
}

# container SERVICE: the id of its container. The image is this demo's alone.
container() {
    docker ps --quiet --filter "ancestor=$IMAGE" --filter "label=com.docker.compose.service=$1"
}

expect_version() {
    local served
    say "The running container is asked for its version."
    # A container that has just started may not listen yet.
    ask 'curl --silent --fail --retry 20 --retry-delay 1 --retry-all-errors "$WEB/version"'
    served=$(cat "$FOLDER/answer")
    [ "$served" = "$1" ] || fail "version $served is served, not $1"
}

send_webhook() {
    say "The forge tells Supervisor, with a webhook that is signed with the stack's secret."
    BODY="{\"ref\": \"refs/heads/main\", \"after\": \"$COMMIT\"}"
    show "BODY='$BODY'"
    run 'SIGNATURE=$(printf %s "$BODY" | SECRET=$SECRET python3 -c "import hmac, os, sys; print(hmac.digest(os.environb[b\"SECRET\"], sys.stdin.buffer.read(), \"sha256\").hex())")'
    ask 'curl --silent --show-error --fail-with-body --header "X-GitHub-Event: push" --header "X-Hub-Signature-256: sha256=$SIGNATURE" --json "$BODY" "$SUPERVISOR/stacks/$STACK/webhook"'
}

show_history() {
    say "Every run is on record."
    ask 'SUPERVISOR_URL=$SUPERVISOR SUPERVISOR_API_KEY=$KEY .venv/bin/supervisor stacks log demo'
}

delete_stack() {
    say "The stack is deleted. Its containers go in the background; once they are gone, so is it."
    run 'curl --silent --show-error --fail --request DELETE --header "Authorization: Bearer $KEY" "$SUPERVISOR/stacks/$STACK"'
    local status
    for _ in {1..300}; do
        status=$(curl --silent --output /dev/null --write-out '%{http_code}' \
            --header "Authorization: Bearer $KEY" "$SUPERVISOR/stacks/$STACK")
        [ "$status" != 404 ] || break
        sleep 0.1
    done
    [ "$status" = 404 ] || fail "the stack is still there"
    [ -z "$(docker ps --all --quiet --filter "ancestor=$IMAGE")" ] || fail "its containers are still there"
}

tell_story() {
    make_image
    make_repository
    start_service
    create_stack

    say "Its first run is followed as it happens: fetch, check out, docker compose up."
    follow_run
    expect_version 1
    local web db
    web=$(container web) db=$(container db)

    say "A new version is pushed."
    push_version 2
    send_webhook
    say "The run that it caused:"
    follow_run
    expect_version 2

    say "Only web was replaced; db's container is still the same."
    echo "    web $web → $(container web)"
    echo "    db  $db → $(container db)"
    [ "$(container web)" != "$web" ] || fail "web is still the old container"
    [ "$(container db)" = "$db" ] || fail "db was replaced, though nothing of it changed"
    show_history
}

# --- The end -------------------------------------------------------------------------------------

stop_service() {
    is_alive || return 0
    kill -TERM "$SERVER_PID"
    for _ in {1..300}; do
        is_alive || return 0
        sleep 0.1
    done
    kill -KILL "$SERVER_PID"
}

# What a failed story leaves; after a good one there is no container any more.
remove_containers() {
    local ids projects
    ids=$(docker ps --all --quiet --filter "ancestor=$IMAGE")
    [ -n "$ids" ] || return 0
    # shellcheck disable=SC2086 # lists
    {
        projects=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' $ids | sort -u)
        docker rm --force $ids >/dev/null
    }
    for project in $projects; do
        docker network ls --quiet --filter "label=com.docker.compose.project=$project" | xargs -r docker network rm >/dev/null
    done
}

clean_up() {
    stop_service
    remove_containers
    docker image rm --force "$IMAGE" >/dev/null 2>&1 || true
    rm -rf "$FOLDER"
}

finish() {
    local status=$?
    trap '' INT TERM HUP
    if [ "$status" != 0 ] && [ -e "$FOLDER/service.log" ]; then
        printf '\nThe end of the service'\''s log:\n' >&2
        tail -n 30 "$FOLDER/service.log" | indent >&2
    fi
    if [ "$status" != 0 ] || [ -z "${KEEP:-}" ]; then
        clean_up
    fi
    exit "$status"
}

leave_running() {
    declare -p FOLDER IMAGE SERVER_PID >"$FOLDER/demo.env"
    scripts/engine.sh keep
    say "All of it goes on running. To explore:"
    printf '  $ export SUPERVISOR=%s WEB=%s STACK=%s\n' "$SUPERVISOR" "$WEB" "$STACK"
    printf '  $ export KEY=%s SECRET=%s\n' "$KEY" "$SECRET"
    echo '  $ curl --header "Authorization: Bearer $KEY" "$SUPERVISOR/stacks/$STACK"'
    echo "  $ git -C $FOLDER/work log"
    say "To stop all of it:"
    echo "  $ scripts/with-engine.sh scripts/demo.sh stop $FOLDER"
}

if [ "${1:-}" = stop ]; then
    # shellcheck source=/dev/null
    source "${2:?which folder?}/demo.env"
    clean_up
    scripts/engine.sh release
    exit
fi

prepare
tell_story
if [ -n "${KEEP:-}" ]; then
    leave_running
else
    delete_stack
    clean_up
    trap - EXIT
    say "Done: nothing is left of it."
fi
