import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import { type Manifest, titleOf } from './manifest.ts';
import { containersOf, findPods, ofKind } from './pods.ts';

/** The keys of secrets by the secrets' names. */
export type SecretKeys = Readonly<Record<string, readonly string[]>>;

/** Something that a manifest needs by name. */
export interface Reference {
  readonly from: string;
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Absent: all of it. */
  readonly key?: string;
}

/**
 * Is everything there that is referred to by name: config maps, service accounts, secrets and their keys?
 *
 * @param others secrets that somebody makes by hand.
 */
export function judgeReferences(manifests: readonly Manifest[], others: SecretKeys): string[] {
  const keysOf = {
    ConfigMap: Object.fromEntries(
      ofKind(manifests, 'ConfigMap').map(({ metadata, data }) => [metadata.name, Object.keys(data ?? {})]),
    ),
    Secret: { ...others, ...findSecrets(manifests) },
  };
  const accounts = new Set(ofKind(manifests, 'ServiceAccount').map(({ metadata }) => metadata.name));
  const lost = findPods(manifests).flatMap(({ title, spec }) => {
    const account = spec?.serviceAccountName;
    return account !== undefined && !accounts.has(account) ? [`${title}: no ServiceAccount ${account}`] : [];
  });
  for (const secret of ofKind(manifests, 'Secret'))
    lost.push(`${titleOf(secret)}: no secret may be in the repository`);
  for (const { from, kind, name, key } of findReferences(manifests)) {
    const keys = keysOf[kind][name];
    if (keys === undefined) lost.push(`${from}: no ${kind} ${name}`);
    else if (key !== undefined && !keys.includes(key)) lost.push(`${from}: no ${key} in ${kind} ${name}`);
  }
  return lost;
}

/** Secrets that come into being with the manifests: made up by the operators, or brought from a store. */
export function findSecrets(manifests: readonly Manifest[]): SecretKeys {
  const secrets: Record<string, string[]> = {};
  for (const manifest of manifests) {
    const { name } = manifest.metadata;
    if (manifest.kind === 'RabbitmqCluster') secrets[`${name}-default-user`] = ['username', 'password'];
    if (manifest.kind === 'Cluster') {
      secrets[`${name}-app`] = ['username', 'password'];
      secrets[`${name}-ca`] = ['ca.crt'];
    }
    if (manifest.kind === 'ExternalSecret') {
      const { data, target } = manifest.spec as {
        data: { secretKey: string }[];
        target?: { template?: { data?: Record<string, string> } };
      };
      secrets[name] = [
        ...data.map(({ secretKey }) => secretKey),
        ...Object.keys(target?.template?.data ?? {}),
      ];
    }
  }
  return secrets;
}

export function findReferences(manifests: readonly Manifest[]): Reference[] {
  return [
    ...findPods(manifests).flatMap(({ title, spec }) => (spec ? referencesOf(title, spec) : [])),
    ...ofKind(manifests, 'TriggerAuthentication').flatMap(
      (manifest) =>
        (manifest.spec as { secretTargetRef?: { name: string; key: string }[] }).secretTargetRef?.map(
          ({ name, key }): Reference => ({ from: titleOf(manifest), kind: 'Secret', name, key }),
        ) ?? [],
    ),
    ...ofKind(manifests, 'Cluster').flatMap((manifest) => {
      const { managed } = manifest.spec as { managed?: { roles?: { passwordSecret?: { name: string } }[] } };
      return (managed?.roles ?? []).flatMap(({ passwordSecret }) =>
        ['username', 'password'].flatMap((key): Reference[] =>
          passwordSecret ? [{ from: titleOf(manifest), kind: 'Secret', name: passwordSecret.name, key }] : [],
        ),
      );
    }),
  ];
}

function referencesOf(from: string, spec: IPodSpec): Reference[] {
  const references: Reference[] = [];
  const add = (kind: Reference['kind'], name: string | undefined, key?: string) => {
    if (name !== undefined) references.push({ from, kind, name, ...(key === undefined ? {} : { key }) });
  };
  for (const { env = [], envFrom = [] } of containersOf(spec)) {
    for (const { valueFrom } of env) {
      add('ConfigMap', valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.key);
      add('Secret', valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.key);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      add('ConfigMap', configMapRef?.name);
      add('Secret', secretRef?.name);
    }
  }
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    add('ConfigMap', configMap?.name);
    for (const { key } of secret?.items ?? []) add('Secret', secret?.secretName, key);
    for (const source of projected?.sources ?? []) {
      for (const { key } of source.secret?.items ?? []) add('Secret', source.secret?.name, key);
    }
  }
  return references;
}
