# One image for every process of the system; the command says which of them a container runs, in /app:
#
#   node order-service/src/main.ts             REST on 3000, gRPC on 50051            } health at /health/live and
#   node processor-service/src/main.ts         stock, sagas, dead letters on 3001     } /health/ready, metrics at /metrics
#   node payment-sandbox/src/main.ts           the payment provider of local runs, on 3002; writes SANDBOX_LEDGER_FILE
#   node scripts/prisma/migrate.ts all         migrates both databases and grants the services their rights, and ends
#   node scripts/prisma/await-migrations.ts order|processor    ends when a database has all migrations of this image
#   node rabbitmq/provide-users.ts             the broker's users, and ends
#   node rabbitmq/declare.ts                   the broker's exchanges, queues and bindings, and ends
#   node auditor/src/main.ts                   the invariants, checked over both databases, ledger and broker, and ends
#   node processor-service/src/cli/dlq/main.ts and …/cli/sagas/main.ts, for operators
#   node scripts/seed-stock.ts, scripts/compose/provide-secrets.ts and scripts/local-issuer/main.ts, for local use
#
# All of them run as the user node (uid 1000), on a file system that may be read-only. There is no HEALTHCHECK, because
# what is healthy differs from command to command: docker-compose.yml and Kubernetes ask each process at its own address.
# It builds with BuildKit and with the classic builder.
ARG BASE_IMAGE=node:24.21.0-bookworm-slim

# What runs: no packages for development, and not Node, which the base image has and which is an optional package here.
# Prisma brings the query compilers of every database; one is needed.
FROM $BASE_IMAGE AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional \
 && find node_modules/@prisma/client/runtime -name 'query_compiler_*' ! -name '*.postgresql.*' -delete \
 && find node_modules -name '*.map' -delete

# The generated database clients; generating them takes packages for development.
FROM $BASE_IMAGE AS clients
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional
COPY prisma prisma
COPY scripts/prisma scripts/prisma
RUN node scripts/prisma/generate.ts

FROM $BASE_IMAGE
LABEL org.opencontainers.image.title="order-processor" \
      org.opencontainers.image.description="Two services that turn an order into stock, money and an answer, over RabbitMQ" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production HOST=0.0.0.0 SANDBOX_LEDGER_FILE=/var/lib/payment-sandbox/ledger.jsonl
# What processes may write to; a new volume that is mounted there belongs to them.
RUN install -d -o node -g node /var/lib/payment-sandbox /secrets /secrets/kept /secrets/postgres /secrets/rabbitmq \
    /secrets/order-service /secrets/processor-service /secrets/audit
WORKDIR /app
# Nothing in /app belongs to the user that runs it: a process cannot change its own code. What changes most comes last.
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY docs/asyncapi.json docs/
COPY --from=clients /app/order-service order-service
COPY --from=clients /app/processor-service processor-service
COPY prisma prisma
COPY rabbitmq rabbitmq
COPY scripts scripts
COPY auditor auditor
COPY payment-sandbox payment-sandbox
COPY shared shared
COPY order-service order-service
COPY processor-service processor-service
ARG REVISION=unknown
LABEL org.opencontainers.image.revision=$REVISION
USER node
EXPOSE 3000 3001 3002 50051
CMD ["node", "order-service/src/main.ts"]
