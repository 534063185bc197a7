#!/usr/bin/env bash
# Proves that docker-compose.yml brings up a system which works, is shut as tightly as the file says, gives no secret away
# and keeps its data: builds the image, starts everything, sends orders through, starts it once more, scales the processor,
# takes all of it down and up again, and finds the orders as they were. It uses ports and a project of its own, and the
# images that POSTGRES_IMAGE, RABBITMQ_IMAGE, NODE_IMAGE, COMPOSE_IMAGE and PROMETHEUS_IMAGE name.
#
# Grafana and Jaeger have no stand-in. Where their images are not there and cannot be pulled they are not started, and the
# output says so.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
log=$root/.local/compose-test.log
export PATH=$root/node_modules/.bin:$PATH

export ORDER_HTTP_PORT=${ORDER_HTTP_PORT:-23000} ORDER_GRPC_PORT=${ORDER_GRPC_PORT:-23051} PROCESSOR_HTTP_PORT=${PROCESSOR_HTTP_PORT:-23001}
export SANDBOX_HTTP_PORT=${SANDBOX_HTTP_PORT:-23002} POSTGRES_PORT=${POSTGRES_PORT:-23003}
export RABBITMQ_PORT=${RABBITMQ_PORT:-23004} RABBITMQ_MANAGEMENT_PORT=${RABBITMQ_MANAGEMENT_PORT:-23005}
export PROMETHEUS_PORT=${PROMETHEUS_PORT:-23006} GRAFANA_PORT=${GRAFANA_PORT:-23007} JAEGER_PORT=${JAEGER_PORT:-23008}
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-order-processor-compose-test}
export ORDER_PROCESSOR_IMAGE=${ORDER_PROCESSOR_IMAGE:-order-processor:compose-test}
scaled_ports=${SCALED_PORTS:-23011-23014}
rest=http://127.0.0.1:$ORDER_HTTP_PORT

# With COMPOSE_IMAGE, Compose runs in a container that talks to the engine outside. A file .env is left alone.
compose() {
  if [ -z "${COMPOSE_IMAGE:-}" ]; then
    docker compose --project-directory "$root" --env-file /dev/null "$@"
    return
  fi
  local variables=() name
  for name in $(compgen -e | grep -E '_(PORT|IMAGE|NAME|ENDPOINT)$'); do variables+=(--env "$name"); done
  docker run --rm --network host "${variables[@]}" --volume "${DOCKER_HOST#unix://}:/var/run/docker.sock" \
    --volume "$root:$root:ro" --workdir "$root" "$COMPOSE_IMAGE" --env-file /dev/null "$@"
}

up() {
  compose up --detach --no-build --wait --wait-timeout 180 "$@" "${services[@]}" >>"$log" 2>&1
}

# Made where the issuer's key is.
token() {
  compose exec -T issuer node scripts/local-issuer/token.ts --sub customer-1 --scope 'orders:read orders:write'
}

# As docs/containers.md says.
passwords() {
  compose run --rm -T --no-deps secrets cat /secrets/kept/secrets.json
}

running() {
  docker ps --quiet --no-trunc --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" | sort
}

# Whether the image of a service is there, perhaps after pulling it.
obtain() {
  local image
  image=$(compose --profile tracing config --format json |
    node --print "JSON.parse(fs.readFileSync(0, 'utf8')).services['$1'].image")
  docker image inspect "$image" >/dev/null 2>&1 || timeout 300 docker pull --quiet "$image" >>"$log" 2>&1 ||
    { missing+=("$1 ($image)") && false; }
}

# Somebody who listens where Jaeger would, since it may be missing.
listen_for_traces() {
  docker run --detach --name "$COMPOSE_PROJECT_NAME-traces" --network "${COMPOSE_PROJECT_NAME}_default" \
    --network-alias traces --volume "$here/listen-for-traces.ts:/app/listen.ts:ro" "$ORDER_PROCESSOR_IMAGE" \
    node /app/listen.ts >>"$log"
}

# Waits until both services took part in one trace.
await_trace() {
  for _ in $(seq 60); do
    [ -z "$(docker logs "$COMPOSE_PROJECT_NAME-traces" | sort -u | cut -d ' ' -f 2 | sort | uniq -d)" ] || return 0
    sleep 0.5
  done
  docker logs "$COMPOSE_PROJECT_NAME-traces"
  echo 'no trace has spans of both services'
  return 1
}

report_missing() {
  local service
  for service in "${missing[@]}"; do echo "NOT STARTED and not tried: $service. Its image is not here and cannot be pulled"; done
}

finish() {
  local status=$?
  if [ $status != 0 ]; then
    compose ps --all || true
    compose logs --no-color --tail 50 || true
    tail -n 40 "$log"
  fi >&2
  docker rm --force "$COMPOSE_PROJECT_NAME-traces" >>"$log" 2>&1 || true
  compose --profile tracing down --volumes --timeout 10 >>"$log" 2>&1 || true
}

mkdir -p "$(dirname "$log")"
: >"$log"
trap finish EXIT

# The classic builder, because it is there without a plugin; the network of this machine, because a build needs npm's
# registry and not every engine lets containers out.
DOCKER_BUILDKIT=0 docker build --network host --tag "$ORDER_PROCESSOR_IMAGE" \
  ${NODE_IMAGE:+--build-arg "BASE_IMAGE=$NODE_IMAGE"} "$root" >>"$log" 2>&1
echo "the image is built: $(docker image inspect --format '{{.Size}}' "$ORDER_PROCESSOR_IMAGE" | numfmt --to=si)B"

missing=()
services=()
viewers=()
for service in $(compose --profile tracing config --services); do
  case $service in
    grafana | jaeger) obtain "$service" || continue ;;&
    grafana) viewers+=("grafana=http://127.0.0.1:$GRAFANA_PORT") ;;
    jaeger) viewers+=("jaeger=http://127.0.0.1:$JAEGER_PORT") ;;
  esac
  services+=("$service")
done
report_missing

up
echo "the system is up: ${services[*]}"
node "$here/check-containers.ts" "$COMPOSE_PROJECT_NAME" <(compose config) <(passwords)

TOKEN=$(token)
export TOKEN
order=$(node "$here/place-order.ts" "$rest")
echo "an order that came over REST is completed: $order"
other=$(node "$here/place-order.ts" "grpc://127.0.0.1:$ORDER_GRPC_PORT")
node "$here/place-order.ts" "$rest" "$other" >>"$log"
echo "one that came over gRPC is, too: $other"

# The commands of docs/containers.md, too.
compose exec -T processor-service node --env-file=/run/secrets/service.env processor-service/src/cli/dlq/main.ts list >>"$log"
compose exec -T postgres psql --username=oms --dbname=order_db --tuples-only --command='SELECT count(*) FROM orders' >>"$log"
node "$here/check-monitoring.ts" "console=http://127.0.0.1:$RABBITMQ_MANAGEMENT_PORT" \
  "prometheus=http://127.0.0.1:$PROMETHEUS_PORT" "${viewers[@]}" < <(passwords)

before=$(running)
up
[ "$(running)" = "$before" ] || { echo 'starting it once more replaced containers' && exit 1; }
node "$here/place-order.ts" "$rest" >>"$log"
echo 'starting it once more changed nothing'

listen_for_traces
PROCESSOR_HTTP_PORT=$scaled_ports OTEL_EXPORTER_OTLP_ENDPOINT=http://traces:4318 up --scale processor-service=2
node "$here/place-order.ts" "$rest" >>"$log"
await_trace
echo 'with two processors and traces wanted, an order is one trace through both services'
node "$here/check-monitoring.ts" "prometheus=http://127.0.0.1:$PROMETHEUS_PORT" --processors 2 < <(passwords)

docker rm --force "$COMPOSE_PROJECT_NAME-traces" >>"$log"
compose stop >>"$log" 2>&1
killed=$(docker ps --all --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter exited=137 --format '{{.Names}}')
[ -z "$killed" ] || { echo "had to be killed: $killed" && exit 1; }
echo 'everything stops by itself when it is asked to'
compose --profile tracing down >>"$log" 2>&1
up
TOKEN=$(token)
for known in "$order" "$other"; do node "$here/place-order.ts" "$rest" "$known" >>"$log"; done
echo 'the orders are still there after everything was taken down and up again'
compose run --rm -T --no-deps audit
report_missing
