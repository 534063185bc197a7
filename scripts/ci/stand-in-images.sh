#!/usr/bin/env bash
# Builds images from Debian's packages that behave like the official ones, for a Docker engine that cannot pull those:
# `stand-in-images.sh [postgres] [rabbitmq] [node] [compose] [prometheus]`, all of them by default. Prints the variables that make the
# tests, docker-compose.yml and the Dockerfile use them, one NAME=value a line.
#
# Building takes about a minute the first time. Afterwards the engine's own cache notices that nothing changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/.local/stand-in-images
debian=order-processor/debian-stand-in:13
export DOCKER_BUILDKIT=0 PATH=$root/node_modules/.bin:$PATH

declare -A images=(
  [postgres]=order-processor/postgres-stand-in:17
  [rabbitmq]=order-processor/rabbitmq-stand-in:4.0
  [node]=order-processor/node-stand-in:24
  [compose]=order-processor/compose-stand-in:2
  [prometheus]=order-processor/prometheus-stand-in:2
)
declare -A variables=(
  [postgres]='TEST_POSTGRES_IMAGE POSTGRES_IMAGE'
  [rabbitmq]='TEST_RABBITMQ_IMAGE RABBITMQ_IMAGE'
  [node]=NODE_IMAGE
  [compose]=COMPOSE_IMAGE
  [prometheus]=PROMETHEUS_IMAGE
)

# A Debian that is small: no manuals, no translations, nothing that is merely recommended.
build_debian() {
  if docker image inspect "$debian" >/dev/null 2>&1; then return; fi
  "$here/install-packages.sh" mmdebstrap
  mmdebstrap --quiet --variant=minbase --include=ca-certificates \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='force-unsafe-io' \
    --customize-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"' \
    trixie - | docker import - "$debian"
}

# The programs come from where npm finds them, and the image trusts the authorities that this machine trusts.
prepare_node() {
  local certificates=/etc/ssl/certs/ca-certificates.crt
  rm -rf "$work/node"
  mkdir -p "$work/node/npm"
  install -m 755 "$(node --print process.execPath)" "$work/node/node"
  tar --extract --gzip --strip-components=1 --directory="$work/node/npm" \
    --file="$work/$(cd "$work" && npm pack --silent npm@11)"
  chmod 755 "$work/node/npm/bin/npm-cli.js"
  if [ -e "$certificates" ]; then cp "$certificates" "$work/node/"; fi
}

build() {
  local name=$1 context=$here/images
  if [ "$name" = node ]; then
    prepare_node
    context=$work/node
  fi
  docker build --network host --build-arg BASE_IMAGE="$debian" --tag "${images[$name]}" \
    --file "$here/images/$name.Dockerfile" "$context"
}

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=(postgres rabbitmq node compose prometheus)
for name in "${wanted[@]}"; do
  [ -n "${images[$name]:-}" ] || { echo "There is no stand-in for $name." >&2; exit 2; }
done

mkdir -p "$work"
build_debian >"$work/debian.log" 2>&1 || { cat "$work/debian.log" >&2; exit 1; }

declare -A running=()
for name in "${wanted[@]}"; do
  build "$name" >"$work/$name.log" 2>&1 &
  running[$name]=$!
done
failed=
for name in "${wanted[@]}"; do
  wait "${running[$name]}" || { echo "Building ${images[$name]} failed:"; cat "$work/$name.log"; failed=yes; } >&2
done
[ -z "$failed" ] || exit 1

for name in "${wanted[@]}"; do
  for variable in ${variables[$name]}; do echo "$variable=${images[$name]}"; done
done
