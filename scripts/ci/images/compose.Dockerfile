# Docker's command line client with Compose 2, from Debian's packages, for machines whose own are too old.
ARG BASE_IMAGE=debian:trixie-slim
FROM $BASE_IMAGE

RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends docker-cli docker-compose \
 && rm -rf /var/lib/apt/lists/*

ENTRYPOINT ["docker", "compose"]
