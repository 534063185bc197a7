import type { ILabelSelector } from '@kubernetes-models/apimachinery/apis/meta/v1/LabelSelector';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import { type Manifest, titleOf } from './manifest.ts';

export type Labels = Readonly<Record<string, string>>;

/** Pods that come of a manifest. */
export interface Pods {
  readonly title: string;
  readonly labels: Labels;
  /** Absent where an operator makes them. */
  readonly spec?: IPodSpec;
}

/** Of our own workloads and, as far as they can be known here, of the operators. */
export function findPods(manifests: readonly Manifest[]): Pods[] {
  return manifests.flatMap((manifest): Pods[] => {
    const title = titleOf(manifest);
    const { name } = manifest.metadata;
    switch (manifest.kind) {
      case 'Deployment':
      case 'Job': {
        const { template } = manifest.spec as { template: { metadata: { labels: Labels }; spec: IPodSpec } };
        return [{ title, labels: template.metadata.labels, spec: template.spec }];
      }
      case 'RabbitmqCluster':
        return [{ title, labels: { 'app.kubernetes.io/name': name } }];
      case 'Cluster':
        return [{ title, labels: { 'cnpg.io/cluster': name } }];
      default:
        return [];
    }
  });
}

export function containersOf(spec: IPodSpec): IContainer[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

export function ofKind(manifests: readonly Manifest[], kind: string): Manifest[] {
  return manifests.filter((manifest) => manifest.kind === kind);
}

/** Does a selector choose what has these labels? An empty one chooses everything. */
export function matches(selector: ILabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'Exists':
          return value !== undefined;
        default:
          throw new Error(`the operator ${operator} of selectors is not known here`);
      }
    })
  );
}
