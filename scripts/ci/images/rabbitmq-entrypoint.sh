#!/usr/bin/env bash
# Runs the broker in the foreground as the user rabbitmq, and so too every command line tool started through here.
set -euo pipefail

if [ "$(id -u)" = 0 ] && [[ "$1" == rabbitmq* ]]; then
  chown -R rabbitmq: /var/lib/rabbitmq
  exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups "$0" "$@"
fi
exec "$@"
