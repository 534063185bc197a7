# Takes the place of the image rabbitmq:4-management where no image can be pulled: RabbitMQ 4.0 from Debian's
# packages. The broker itself reads RABBITMQ_DEFAULT_USER, RABBITMQ_DEFAULT_PASS and RABBITMQ_DEFAULT_VHOST.
ARG BASE_IMAGE=debian:trixie-slim
FROM $BASE_IMAGE

RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends rabbitmq-server \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /etc/rabbitmq/conf.d \
 && echo '[rabbitmq_management,rabbitmq_prometheus].' > /etc/rabbitmq/enabled_plugins \
 && echo 'loopback_users.guest = false' > /etc/rabbitmq/conf.d/10-defaults.conf \
 && rm -rf /var/lib/rabbitmq \
 && install -d -o rabbitmq -g rabbitmq -m 700 /var/lib/rabbitmq

ENV PATH=/usr/lib/rabbitmq/bin:$PATH LANG=C.UTF-8 HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
COPY rabbitmq-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/rabbitmq
EXPOSE 5672 15672 15692
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
