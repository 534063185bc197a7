#!/usr/bin/env bash
# A Docker engine for machines that have none and no service manager to run one.
#
#   docker-engine.sh start   makes sure that an engine answers and prints its address, the value for DOCKER_HOST
#   docker-engine.sh stop    ends the engine that `start` brought up, with everything that runs in it
#
# An engine that answers already is used and never stopped. Ours is Debian's, run by hand, with its images below
# .local/docker-engine. It leaves the machine's firewall and routing alone: published ports are served by its proxy,
# containers on one network reach each other, and none of them reaches the outside (a build that needs packages asks
# for `--network host`).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${DOCKER_ENGINE_HOME:-$here/../../.local/docker-engine}
mkdir -p "$home"
home=$(cd "$home" && pwd)
# Sockets are kept out of $home, because their paths may have no more than 107 characters.
run=/tmp/order-processor-docker-$(printf %s "$home" | cksum | cut -d ' ' -f 1)
socket=unix://$run/docker.sock
log=$home/dockerd.log

say() { echo "docker engine: $*" >&2; }

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

our_pid() {
  local pid
  pid=$(cat "$run/docker.pid" 2>/dev/null) || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && echo "$pid"
}

start() {
  if our_pid >/dev/null; then
    echo "$socket"
    return
  fi
  if command -v docker >/dev/null && answers; then
    say "using the one that runs already"
    echo "${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}')}"
    return
  fi

  "$here/install-packages.sh" docker.io iproute2
  # From Debian 13 on the command line client is a package of its own.
  command -v docker >/dev/null || "$here/install-packages.sh" docker-cli

  rm -rf "$run"
  mkdir -m 700 "$run"
  ip -o link show type bridge | cut -d : -f 2 | tr -d ' ' >"$run/bridges-before"
  setsid dockerd --host "$socket" --pidfile "$run/docker.pid" --data-root "$home/data" --exec-root "$run/exec" \
    --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false >"$log" 2>&1 </dev/null &
  local pid=$!
  export DOCKER_HOST=$socket
  for _ in $(seq 300); do
    if answers; then
      say "version $(docker version --format '{{.Server.Version}}'), $(docker info --format '{{.Driver}}' 2>/dev/null)"
      echo "$socket"
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  say "it did not come up; the end of its log:"
  tail -n 30 "$log" >&2
  stop
  return 1
}

stop() {
  local pid mount
  if pid=$(our_pid); then
    export DOCKER_HOST=$socket
    # The engine is ours alone, so everything in it is.
    docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null || true
    docker network prune --force >/dev/null || true
    end "$pid"
    say stopped
  fi
  # Whatever outlived the engine still names its folder, and the engine leaves some mounts behind.
  for pid in $(grep --text --files-with-matches "$run/exec" /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3); do
    end "$pid"
  done
  for mount in $(cut -d ' ' -f 2 /proc/mounts | grep -E "^($run|$home)/" | sort --reverse); do umount "$mount"; done
  remove_bridges
  rm -rf "$run"
}

end() {
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 200); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}

# The engine leaves its bridges in the kernel when it ends.
remove_bridges() {
  [ -e "$run/bridges-before" ] || return 0
  local bridge
  for bridge in $(ip -o link show type bridge | cut -d : -f 2 | tr -d ' '); do
    case $bridge in
      docker0 | br-????????????) grep -qx "$bridge" "$run/bridges-before" || ip link delete "$bridge" ;;
    esac
  done
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  *)
    echo "usage: ${0##*/} start|stop" >&2
    exit 2
    ;;
esac
