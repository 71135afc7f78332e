#!/bin/sh
# The first step in the container: sees to the storage and to the engine's socket as root, then goes
# on as the user supervisor. With `--user` or SUPERVISOR_USER=root it goes on as whoever it is.
set -eu
cd /supervisor
user=${SUPERVISOR_USER:-supervisor}

say() { echo "supervisor: $*" >&2; }

choose_storage() {
    [ -z "${SUPERVISOR_STORAGE:-}" ] || return 0
    SUPERVISOR_STORAGE=/supervisor/storage
    # Where the storage was mounted in former times.
    if mountpoint -q /rails/storage && ! mountpoint -q /supervisor/storage; then
        SUPERVISOR_STORAGE=/rails/storage
    fi
    export SUPERVISOR_STORAGE
}

find_socket() {
    address=${DOCKER_HOST:-unix:///var/run/docker.sock}
    socket=${address#unix://}
    [ "$socket" != "$address" ] || socket= # another machine's engine, by TCP or SSH
}

# Sets the words that are to stand before a command, so that it runs as the user.
choose_user() {
    as_user=
    [ "$(id -u)" = 0 ] && [ "$user" != root ] || return 0
    groups=$user
    [ ! -S "$socket" ] || groups=$user,$(stat -L -c %g "$socket")
    as_user="setpriv --reuid $user --regid $user --groups $groups --no-new-privs --"
    $as_user true || fail "the user $user can't be chosen here: start with --user $(id -u supervisor), or SUPERVISOR_USER=root"
}

fail() {
    say "$@"
    exit 1
}

# What belongs to the storage's former owner becomes the user's. What containers wrote into checkouts
# as somebody else stays theirs: a database refuses files of another owner. The folder itself comes
# last, so that a hand-over that was interrupted is done again.
hand_over_storage() {
    mkdir -p "$SUPERVISOR_STORAGE"
    owner=$(stat -c %u "$SUPERVISOR_STORAGE")
    [ "$owner" != "$(id -u "$user")" ] || return 0
    { find "$SUPERVISOR_STORAGE" -xdev -mindepth 1 -uid "$owner" -execdir chown -h "$user:$user" {} + &&
        chmod 700 "$SUPERVISOR_STORAGE" && chown "$user:$user" "$SUPERVISOR_STORAGE"; } ||
        fail "$SUPERVISOR_STORAGE can't be given to the user $user: make $(id -u "$user") its owner on the host," \
            "or start with SUPERVISOR_USER=root"
}

# Says what will not work; the service starts, and /up tells too.
check_access() {
    if [ -n "$socket" ] && [ ! -S "$socket" ]; then
        say "there is no socket of a Docker engine at $socket: mount it there"
    elif [ -n "$socket" ] && ! $as_user test -w "$socket"; then
        say "the Docker engine's socket is $(stat -L -c '%A %u:%g' "$socket"), and this user may not use it:" \
            "allow it for the socket's group, or start with SUPERVISOR_USER=root"
    fi
    logins=$DOCKER_CONFIG/config.json
    if [ -e "$logins" ] && ! $as_user test -r "$logins"; then
        say "$logins can't be read by this user, so logins at registries are missing:" \
            "on the host, make $($as_user id -u) its owner"
    fi
}

choose_storage
find_socket
choose_user
if [ "$PPID" != 0 ]; then # at the container's start, not for each `docker exec`
    if [ -n "$as_user" ]; then
        hand_over_storage
        # Only root can make the link that gives the storage the path that it has on the host. Where
        # it can't be made, the first run that needs it says so.
        python3 -m supervisor.deploy.host_storage "$SUPERVISOR_STORAGE" || true
    fi
    check_access
fi
# shellcheck disable=SC2086 # words or none
exec $as_user "$@"
