# Takes the place of the image prom/prometheus where no image can be pulled: Prometheus from Debian's packages, started as
# the official image starts it.
ARG BASE_IMAGE=debian:trixie-slim
FROM $BASE_IMAGE

RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends prometheus \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o nobody -g nogroup /prometheus

USER nobody
WORKDIR /prometheus
VOLUME /prometheus
EXPOSE 9090
ENTRYPOINT ["prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
