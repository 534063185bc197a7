# One image for every process of the system; the command says which of them a container runs.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM $BASE_IMAGE AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional packages are Node itself, which the base image has, and the embedded PostgreSQL of local runs.
RUN npm ci --omit=dev --omit=optional
COPY . .
RUN node scripts/prisma/generate.ts

FROM $BASE_IMAGE
ENV NODE_ENV=production HOST=0.0.0.0 SANDBOX_LEDGER_FILE=/var/lib/payment-sandbox/ledger.jsonl
WORKDIR /app
# Nothing in /app belongs to the user that runs it: a process cannot change its own code.
COPY --from=build /app ./
RUN install --directory --owner=node --group=node /var/lib/payment-sandbox
USER node
EXPOSE 3000 3001 3002 50051
CMD ["node", "order-service/src/main.ts"]
