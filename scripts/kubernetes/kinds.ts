import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#scripts/check/source-files.ts';

/** Where the type and, if there is one, the validator of a kind of Kubernetes object are. */
export interface KindModule {
  /** What to import it by. */
  readonly specifier: string;
  /** The type of such an object. */
  readonly typeName: string;
  /** The class that validates values, such as patterns and limits; our own types have none. */
  readonly className: string | undefined;
}

/**
 * The groups that may be used, and the packages with their types, which are generated from the OpenAPI document of
 * Kubernetes and from the operators' own custom resource definitions.
 */
const packages: Readonly<Record<string, string>> = {
  '': 'kubernetes-models',
  apps: 'kubernetes-models',
  autoscaling: 'kubernetes-models',
  batch: 'kubernetes-models',
  policy: 'kubernetes-models',
  'networking.k8s.io': 'kubernetes-models',
  'rbac.authorization.k8s.io': 'kubernetes-models',
  'external-secrets.io': '@kubernetes-models/external-secrets',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'postgresql.cnpg.io': '@kubernetes-models/cloudnative-pg',
};

/** Kinds that no package describes. */
const own: Readonly<Record<string, KindModule>> = {
  'rabbitmq.com/v1beta1 RabbitmqCluster': {
    specifier: '#scripts/kubernetes/rabbitmq-cluster.ts',
    typeName: 'RabbitmqCluster',
    className: undefined,
  },
};

/** `undefined`: there is no such kind in this version of its group, or the group is none that is used here. */
export function findKind(apiVersion: string, kind: string): KindModule | undefined {
  const ours = own[`${apiVersion} ${kind}`];
  if (ours) return ours;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const packageName = packages[group];
  const path = `${apiVersion}/${kind}`;
  if (packageName === undefined || !/^[\w./-]+$/.test(path)) return undefined;
  if (!existsSync(join(repositoryRoot, 'node_modules', packageName, `${path}.js`))) return undefined;
  return { specifier: `${packageName}/${path}`, typeName: `I${kind}`, className: kind };
}
