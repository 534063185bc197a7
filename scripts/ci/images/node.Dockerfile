# Takes the place of the image node:24-bookworm-slim where no image can be pulled. The context holds the program
# `node`, the folder `npm` with the package of that name, and perhaps `ca-certificates.crt`.
ARG BASE_IMAGE=debian:trixie-slim
FROM $BASE_IMAGE

COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY ca-certificates.cr[t] /etc/ssl/certs/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && groupadd --gid 1000 node \
 && useradd --uid 1000 --gid node --shell /bin/bash --create-home node

ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
CMD ["node"]
