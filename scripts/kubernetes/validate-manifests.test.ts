import { describe, expect, test } from '@jest/globals';
import { parseManifests } from './manifest.ts';
import { validateManifests } from './validate-manifests.ts';

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: order-service }
spec:
  selector: { matchLabels: { app: order-service } }
  template:
    metadata: { labels: { app: order-service } }
    spec:
      containers:
        - name: order-service
          image: order-processor
          livenessProbe: { httpGet: { path: /health/live, port: http }, periodSeconds: 10 }
`;
const scaledObject = `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: { name: processor-service }
spec:
  scaleTargetRef: { name: processor-service }
  triggers:
    - { type: rabbitmq, metadata: { queueName: processor-service.order.created } }
`;
const database = `
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: { name: order-db }
spec: { instances: 3, storage: { size: 10Gi } }
`;
const broker = `
apiVersion: rabbitmq.com/v1beta1
kind: RabbitmqCluster
metadata: { name: rabbitmq }
spec:
  replicas: 3
  image: rabbitmq:4-management
  persistence: { storage: 10Gi }
  resources: { limits: { memory: 2Gi } }
`;
const all = [deployment, scaledObject, database, broker].join('---');

describe('a manifest', () => {
  test('passes if it is right', async () => {
    expect(await validateManifests(parseManifests(all))).toEqual([]);
  });

  const broken: [what: string, text: string, replacement: string, complaint: RegExp][] = [
    [
      'a misspelt field',
      'livenessProbe',
      'livenesProbe',
      /containers\.0\.livenesProbe: .*does not exist in type/,
    ],
    ['a field in the wrong place', 'periodSeconds: 10', 'image: x', /livenessProbe\.image/],
    ['a wrong type', 'periodSeconds: 10', "periodSeconds: '10'", /periodSeconds: .*not assignable/],
    ['no name of a container', '- name: order-service\n          image', '- image', /containers\.0: .*name/],
    ['no required field', '  selector: { matchLabels: { app: order-service } }\n', '', /spec: .*selector/],
    ['an unknown kind', 'kind: Deployment', 'kind: Deploymint', /no kind Deploymint in apps\/v1/],
    ['an unknown version', 'apps/v1', 'apps/v7', /no kind Deployment in apps\/v7/],
    ['an unknown group', 'apps/v1', 'apps.example.com/v1', /no kind Deployment in apps\.example\.com/],
    ['a misspelt field of KEDA', 'scaleTargetRef', 'scaleTargetReference', /scaleTargetRef/],
    ['a value that CloudNativePG forbids', 'instances: 3', 'instances: 0', /instances/],
    ['a misspelt field of CloudNativePG', 'storage: { size', 'storage: { sise', /storage\.sise/],
    ['a misspelt field of RabbitMQ', 'persistence', 'persistance', /spec\.persistance/],
    ['an even number of brokers', 'replicas: 3', 'replicas: 2', /spec\.replicas: .*'2'/],
    ['a limit that is no quantity', 'limits: { memory: 2Gi }', 'limits: [2Gi]', /resources\.limits/],
  ];
  test.each(broken)('is refused with %s', async (_what, text, replacement, complaint) => {
    expect(all).toContain(text);
    const complaints = await validateManifests(parseManifests(all.replace(text, replacement)));
    expect(complaints.join('\n')).toMatch(complaint);
  });

  test('is refused if it is no Kubernetes object, or has a key twice', () => {
    expect(() => parseManifests('kind: Deployment')).toThrow('not a Kubernetes object');
    expect(() => parseManifests(`${deployment}kind: Service\n`)).toThrow('Map keys must be unique');
  });
});
