import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '#scripts/check/source-files.ts';
import { makeUpSecrets } from './dev-secrets.ts';
import { judgeDatabases } from './judge-databases.ts';
import { judgeEnvironment } from './judge-environment.ts';
import { judgeOrder } from './judge-order.ts';
import { judgePods } from './judge-pods.ts';
import { findSecrets, judgeReferences } from './judge-references.ts';
import { judgeScale } from './judge-scale.ts';
import { judgeSelectors } from './judge-selectors.ts';
import { judgeTraffic } from './judge-traffic.ts';
import { type Manifest, parseManifests } from './manifest.ts';

/** The files themselves, for kustomize is not everywhere, with what it would make of its generators. */
const written = globSync(
  [
    'deploy/k8s/base/*/{*-service,job,rabbitmq,*-db,*-policies}.yaml',
    'deploy/k8s/overlays/prod/{autoscaling,gateway,secrets}.yaml',
  ],
  { cwd: repositoryRoot },
).map((path) => readFileSync(join(repositoryRoot, path), 'utf8'));
const generated = `
apiVersion: v1
kind: ConfigMap
metadata: { name: broker-settings }
data: { RETRY_DELAYS_MS: '1000,5000' }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: service-settings }
data:
  SHUTDOWN_DELAY_MS: '5000'
  DATABASE_POOL_SIZE: '10'
  AUTH_ISSUER: https://issuer.example.com
  AUTH_AUDIENCE: order-processor
  AUTH_JWKS_URL: https://issuer.example.com/keys
---
apiVersion: v1
kind: ConfigMap
metadata: { name: order-service-settings }
data: { MAX_ORDER_WATCHERS: '1000' }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: processor-service-settings }
data: { PAYMENT_URL: https://payments.example.com }
`;
const all = [...written, generated].join('\n---\n');

type Judge = (manifests: readonly Manifest[]) => string[];
type Fault = [what: string, text: string, replacement: string, complaint: RegExp];

function describeJudge(what: string, judge: Judge, faults: Fault[]): void {
  describe(`the judge of ${what}`, () => {
    test('has nothing to say about what is right', () => {
      expect(judge(parseManifests(all))).toEqual([]);
    });

    test.each(faults)('notices %s', (_what, text, replacement, complaint) => {
      expect(all).toContain(text);
      expect(judge(parseManifests(all.replace(text, replacement))).join('\n')).toMatch(complaint);
    });
  });
}

describeJudge('pods', judgePods, [
  ['root', 'runAsNonRoot: true', 'runAsNonRoot: false', /may run as root/],
  ['a user by name only', 'runAsUser: 1000', 'fsGroup: 1000', /no numeric user/],
  ['no seccomp', 'type: RuntimeDefault', 'type: Unconfined', /seccomp/],
  ['a token', 'automountServiceAccountToken: false', 'automountServiceAccountToken: true', /token/],
  ['a writable root', 'readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false', /writable root/],
  ['capabilities', 'drop: [ALL]', 'drop: [NET_RAW]', /capabilities/],
  ['privileges', 'allowPrivilegeEscalation: false', 'privileged: true', /privileges/],
  ['no limit', 'limits:\n              memory: 512Mi', 'limits: {}', /no limit on memory/],
]);

describeJudge('references', (manifests) => judgeReferences(manifests, {}), [
  [
    'a config map that is not there',
    'configMapRef: { name: broker-settings }',
    'configMapRef: { name: broker }',
    /no ConfigMap broker/,
  ],
  [
    'a secret that is not there',
    'name: rabbitmq-default-user, key: username',
    'name: rabbit-default-user, key: username',
    /no Secret rabbit-/,
  ],
  [
    'a key that a secret has not',
    'key: webhook-signing-key }',
    'key: webhook-key }',
    /no webhook-key in Secret order-service/,
  ],
  [
    'a password that nobody brings',
    'name: order-db-service\n  postgresql',
    'name: order-db-password\n  postgresql',
    /Cluster order-db: no Secret/,
  ],
  [
    'a secret of KEDA that is not there',
    'parameter: username, name: broker-monitor',
    'parameter: username, name: monitor',
    /no Secret monitor/,
  ],
  [
    'a volume without its secret',
    'secretName: order-db-ca',
    'secretName: orders-db-ca',
    /no Secret orders-db-ca/,
  ],
  [
    'a secret that says its value',
    'kind: ConfigMap',
    'kind: Secret',
    /Secret broker-settings: no secret may be in the repository/,
  ],
  [
    'a service account that is not there',
    'serviceAccountName: setup',
    'serviceAccountName: set-up',
    /no ServiceAccount set-up/,
  ],
]);

describeJudge('selectors', judgeSelectors, [
  [
    'a service of nobody',
    'selector:\n    app.kubernetes.io/name: processor-service',
    'selector:\n    app: x',
    /Service processor-service: chooses nothing/,
  ],
  [
    'a port that the pods have not',
    'targetPort: grpc',
    'targetPort: grpcs',
    /no port grpcs of Deployment order-service/,
  ],
  [
    'a policy about nobody',
    'cnpg.io/cluster: processor-db',
    'cnpg.io/cluster: processor',
    /NetworkPolicy .*: chooses nothing/,
  ],
  [
    'a policy that lets in nobody',
    'values: [order-service, setup]',
    'values: [orders]',
    /NetworkPolicy order-db: chooses nothing/,
  ],
  [
    'a route to nowhere',
    'port: 50051\n---\napiVersion: networking',
    'port: 50052\n---\napiVersion: networking',
    /GRPCRoute order-service: no Service order-service-grpc:50052/,
  ],
  [
    'an autoscaler of nothing',
    'name: processor-service\n  minReplicaCount',
    'name: processor\n  minReplicaCount',
    /no Deployment processor/,
  ],
]);

describeJudge('environments', judgeEnvironment, [
  ['a variable that nothing reads', 'MAX_ORDER_WATCHERS', 'MAX_WATCHERS', /nothing reads MAX_WATCHERS/],
  [
    'a variable of the other service',
    'MAX_ORDER_WATCHERS',
    'PAYMENT_TIMEOUT_MS',
    /nothing reads PAYMENT_TIMEOUT_MS/,
  ],
  ['a variable that is missing', '{ PAYMENT_URL: https://payments.example.com }', '{}', /PAYMENT_URL/],
  ['a value that is refused', "SHUTDOWN_DELAY_MS: '5000'", 'SHUTDOWN_DELAY_MS: soon', /SHUTDOWN_DELAY_MS/],
  [
    'a part that is not there',
    '$(TOPOLOGY_AMQP_PASSWORD)',
    '$(TOPOLOGY_PASSWORD)',
    /made of TOPOLOGY_PASSWORD/,
  ],
  [
    'a password that is not there',
    '            - name: OPERATOR_AMQP_PASSWORD\n              valueFrom: { secretKeyRef: { name: broker-users, key: operator } }\n            - name: TOPOLOGY',
    '            - name: TOPOLOGY',
    /not set: OPERATOR_AMQP_PASSWORD/,
  ],
  [
    'a host that is not there',
    '@order-db-rw:5432',
    '@order-db:5432',
    /leads to order-db, which is no service/,
  ],
  ['a port that is not there', '@rabbitmq:15672', '@rabbitmq:15671', /port that rabbitmq does not have/],
  ['a certificate that is not there', 'path: order-db.crt', 'path: order.crt', /where nothing is mounted/],
  ['a program that is not there', 'rabbitmq/declare.ts', 'rabbitmq/declares.ts', /runs something unknown/],
]);

describeJudge('scale', judgeScale, [
  ['more pods than shards', 'maxReplicas: 12', 'maxReplicas: 17', /of which only 16 would have a shard/],
  [
    'more connections than there are',
    "DATABASE_POOL_SIZE: '10'",
    "DATABASE_POOL_SIZE: '15'",
    /Cluster order-db: up to 254 connections/,
  ],
  [
    'too short a time to stop',
    'terminationGracePeriodSeconds: 30',
    'terminationGracePeriodSeconds: 15',
    /has 15000 ms to stop and needs 20000 ms/,
  ],
  ['replicas beside an autoscaler', 'revisionHistoryLimit: 5', 'replicas: 2', /beside its autoscaler/],
  [
    'a queue that is not there',
    'queueName: processor-service.order.created',
    'queueName: orders',
    /there is no queue orders/,
  ],
  ['a misspelt field of a trigger', 'vhostName:', 'virtualHost:', /knows no virtualHost/],
]);

const inOrder = (manifests: readonly Manifest[]) =>
  judgeOrder(
    manifests.map((manifest) =>
      // What kustomize adds to the first folder and to the second one.
      /^(Cluster|RabbitmqCluster)$/.test(manifest.kind) || manifest.metadata.name === 'broker-settings'
        ? annotate(manifest, 'platform', '-2')
        : manifest.kind === 'Job'
          ? annotate(manifest, 'setup', '-1')
          : manifest,
    ),
  );

describeJudge('order', inOrder, [
  [
    'a secret that comes too late for Argo CD',
    "app.kubernetes.io/component: platform\n  annotations:\n    argocd.argoproj.io/sync-wave: '-2'\nspec:\n  refreshInterval: 1h\n  secretStoreRef:\n    kind: ClusterSecretStore\n    name: replace-me\n  data:\n    - { secretKey: order-service",
    'app.kubernetes.io/component: platform\nspec:\n  data:\n    - { secretKey: order-service',
    /Job setup: comes before ExternalSecret broker-users, which it needs \(wave\)/,
  ],
  [
    'a secret that is not in the first step',
    "labels:\n    app.kubernetes.io/component: platform\n  annotations:\n    argocd.argoproj.io/sync-wave: '-2'\nspec:\n  refreshInterval: 1h\n  secretStoreRef:\n    kind: ClusterSecretStore\n    name: replace-me\n  data:\n    - { secretKey: order-service",
    "annotations:\n    argocd.argoproj.io/sync-wave: '-2'\nspec:\n  data:\n    - { secretKey: order-service",
    /Job setup: comes before ExternalSecret broker-users, which it needs \(step\)/,
  ],
]);

describeJudge('traffic', judgeTraffic, [
  [
    'a database that lets nobody in',
    'values: [order-service, setup]',
    'values: [setup]',
    /ORDER_DATABASE_URL leads to Cluster order-db, port 5432, and no policy lets it in/,
  ],
  [
    'a service that may not go out',
    '- podSelector:\n            matchLabels:\n              cnpg.io/cluster: order-db\n      ports:\n        - { protocol: TCP, port: 5432 }\n---',
    '- podSelector:\n            matchLabels:\n              cnpg.io/cluster: processor-db\n      ports:\n        - { protocol: TCP, port: 5432 }\n---',
    /Deployment order-service: .*no policy lets it out/,
  ],
  [
    'a port that is shut',
    '- { protocol: TCP, port: 15672 }',
    '- { protocol: TCP, port: 15673 }',
    /RABBITMQ_ADMIN_URL leads to RabbitmqCluster rabbitmq, port 15672, and no policy/,
  ],
]);

describeJudge('databases', judgeDatabases, [
  [
    'a door that was left open',
    '- REVOKE ALL ON DATABASE "order_db" FROM PUBLIC',
    '- SELECT 1',
    /order-db: does not say REVOKE/,
  ],
  [
    'a limit that is missing',
    "statement_timeout = '60s'",
    "statement_timeout = '0'",
    /order-db: does not say ALTER ROLE/,
  ],
  ['a node that cannot be drained', 'enablePDB: false', 'logLevel: info', /order-db: lets nobody drain/],
  ['a budget that is missing', 'instances: 1', 'instances: 3', /order-db: may lose all instances/],
]);

test('README.md names every secret and its keys', () => {
  const readme = readFileSync(join(repositoryRoot, 'deploy/k8s/README.md'), 'utf8');
  const rows = new Map(
    [...readme.matchAll(/^\| `([\w-]+)` +\| (.+?) +\|/gm)].map(([, name, keys]) => [name, keys]),
  );
  const secrets = { ...makeUpSecrets(), ...findSecrets(parseManifests(all)) };
  for (const [name, keys] of Object.entries(secrets)) {
    const named = (Array.isArray(keys) ? keys : Object.keys(keys)).map((key) => `\`${key}\``);
    expect([name, rows.get(name)?.split(', ').toSorted()]).toEqual([name, named.toSorted()]);
  }
});

function annotate(manifest: Manifest, step: string, wave: string): Manifest {
  return {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      labels: { 'app.kubernetes.io/component': step },
      annotations: { 'argocd.argoproj.io/sync-wave': wave },
    },
  };
}
