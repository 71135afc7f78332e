#!/usr/bin/env bash
# Runs a command with a Docker engine and the Compose plugin at hand.
#
#   scripts/with-engine.sh COMMAND [ARGUMENT…]
#
# An engine that runs already is used and left alone. One that had to be started is stopped by its
# last user: each holds a shared lock, which the kernel takes back from those that are killed.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
state=/run/supervisor-engine

if [ "$(id -u)" != 0 ]; then # then there is nothing that could be started or stopped
    "$scripts/engine.sh" start
    exec "$@"
fi

mkdir -p "$state"
exec 8>"$state/gate" 9>"$state/users"

enter() {
    flock 8
    "$scripts/engine.sh" start 8>&- 9>&-
    flock --shared 9
    flock --unlock 8
}

leave() {
    trap '' INT TERM HUP
    flock 8
    flock --unlock 9
    if flock --nonblock 9 && [ ! -e "$state/keep" ]; then
        "$scripts/engine.sh" stop 8>&- 9>&-
    fi
}

# Waits for the command however often a signal wakes us: only an undisturbed wait tells its status.
await() {
    local status disturbed=yes
    while [ "$disturbed" ]; do
        disturbed='' status=0
        wait "$command" || status=$?
    done
    return "$status"
}

trap leave EXIT
enter

# A process group of its own takes the signals that are meant for the command, whoever sends them.
set -m
"$@" 8>&- 9>&- &
command=$!
set +m
for signal in INT TERM HUP; do
    trap 'disturbed=yes; kill -s '"$signal"' -- "-$command" 2>/dev/null || true' "$signal"
done
await
