#!/usr/bin/env bash
# Creates the database cluster on the first start, as POSTGRES_USER, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, and
# POSTGRES_DB ask, and runs the server in the foreground. Until the cluster is complete the server listens on its local
# socket only, so a client that reaches it over TCP never meets a half-made one.
set -euo pipefail

if [ "${1:-}" = "" ] || [ "${1:0:1}" = "-" ]; then set -- postgres "$@"; fi
if [ "$1" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres: "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi

create_cluster() {
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE"); fi
  local user=${POSTGRES_USER:-postgres} database
  database=${POSTGRES_DB:-$user}
  initdb --username="$user" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:?must be set}") \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --no-sync
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"

  pg_ctl start --wait --silent -D "$PGDATA" -o "-c listen_addresses=''"
  local psql=(psql -v ON_ERROR_STOP=1 --no-psqlrc --username="$user")
  if [ "$database" != postgres ]; then
    "${psql[@]}" --dbname=postgres --set=database="$database" <<<'CREATE DATABASE :"database";'
  fi
  for script in /docker-entrypoint-initdb.d/*; do
    case $script in
      *.sh) "$script" ;;
      *.sql) "${psql[@]}" --dbname="$database" --file="$script" ;;
    esac
  done
  pg_ctl stop --wait --silent -m fast -D "$PGDATA"
  echo 'PostgreSQL init process complete; ready for start up.'
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then create_cluster; fi
exec "$@" -c listen_addresses='*'
