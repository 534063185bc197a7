#!/usr/bin/env bash
# Proves that docker-compose.yml brings up a system which works and keeps its data: builds the image, starts everything,
# sends an order through, takes all of it down and up again, and finds the order as it was. It uses ports and a project
# of its own, and the images that POSTGRES_IMAGE, RABBITMQ_IMAGE, NODE_IMAGE and COMPOSE_IMAGE name.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
log=$root/.local/compose-test.log
export PATH=$root/node_modules/.bin:$PATH

export ORDER_HTTP_PORT=${ORDER_HTTP_PORT:-23000} ORDER_GRPC_PORT=${ORDER_GRPC_PORT:-23051} PROCESSOR_HTTP_PORT=${PROCESSOR_HTTP_PORT:-23001}
export SANDBOX_HTTP_PORT=${SANDBOX_HTTP_PORT:-23002} POSTGRES_PORT=${POSTGRES_PORT:-23003}
export RABBITMQ_PORT=${RABBITMQ_PORT:-23004} RABBITMQ_MANAGEMENT_PORT=${RABBITMQ_MANAGEMENT_PORT:-23005}
export COMPOSE_PROJECT_NAME=order-processor-compose-test ORDER_PROCESSOR_IMAGE=order-processor:compose-test

# With COMPOSE_IMAGE, Compose runs in a container that talks to the engine outside.
compose() {
  if [ -z "${COMPOSE_IMAGE:-}" ]; then
    docker compose --project-directory "$root" "$@"
    return
  fi
  local variables=() name
  for name in $(compgen -e | grep -E '_(PORT|IMAGE|NAME)$'); do variables+=(--env "$name"); done
  docker run --rm --network host "${variables[@]}" --volume "${DOCKER_HOST#unix://}:/var/run/docker.sock" \
    --volume "$root/docker-compose.yml:/project/docker-compose.yml:ro" --workdir /project "$COMPOSE_IMAGE" "$@"
}

up() {
  compose up --detach --no-build --wait --wait-timeout 180
}

# Made where the issuer's key is.
token() {
  compose exec -T issuer node scripts/local-issuer/token.ts --sub customer-1 --scope 'orders:read orders:write'
}

finish() {
  local status=$?
  if [ $status != 0 ]; then
    compose ps --all || true
    compose logs --no-color --tail 50 || true
    tail -n 40 "$log"
  fi >&2
  compose down --volumes --timeout 10 >>"$log" 2>&1 || true
}

mkdir -p "$(dirname "$log")"
: >"$log"
trap finish EXIT

# The classic builder, because it is there without a plugin; the network of this machine, because a build needs npm's
# registry and not every engine lets containers out.
DOCKER_BUILDKIT=0 docker build --network host --tag "$ORDER_PROCESSOR_IMAGE" \
  ${NODE_IMAGE:+--build-arg "BASE_IMAGE=$NODE_IMAGE"} "$root" >>"$log" 2>&1
echo 'the image is built'
up >>"$log" 2>&1
echo 'the system is up'
TOKEN=$(token)
export TOKEN
order=$(node "$here/place-order.ts" "http://127.0.0.1:$ORDER_HTTP_PORT")
echo "an order is completed: $order"
compose down --timeout 30 >>"$log" 2>&1
up >>"$log" 2>&1
TOKEN=$(token)
node "$here/place-order.ts" "http://127.0.0.1:$ORDER_HTTP_PORT" "$order" >>"$log"
echo 'it is still there after everything was taken down and up again'
