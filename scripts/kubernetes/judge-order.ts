import { findReferences } from './judge-references.ts';
import { type Manifest, titleOf } from './manifest.ts';

/** The three steps of deploy/k8s/README.md, by the label that tells them apart. */
const steps = ['platform', 'setup'];

/** Comes nothing before what it needs, neither in the steps that people take nor in the waves of Argo CD? */
export function judgeOrder(manifests: readonly Manifest[]): string[] {
  return findReferences(manifests).flatMap(({ from, kind, name }) => {
    const needing = manifests.find((manifest) => titleOf(manifest) === from);
    const needed = manifests.find((manifest) => makes(manifest, kind, name));
    if (needing === undefined || needed === undefined) return [];
    const complaint = `${from}: comes before ${titleOf(needed)}, which it needs`;
    return [
      ...(stepOf(needed) > stepOf(needing) ? [`${complaint} (step)`] : []),
      ...(waveOf(needed) > waveOf(needing) ? [`${complaint} (wave)`] : []),
    ];
  });
}

/** Does a config map or a secret of this name come of the manifest? */
function makes({ kind, metadata }: Manifest, wanted: string, name: string): boolean {
  if (wanted === 'ConfigMap') return kind === wanted && metadata.name === name;
  switch (kind) {
    case 'ExternalSecret':
      return metadata.name === name;
    case 'Cluster':
      return [`${metadata.name}-app`, `${metadata.name}-ca`].includes(name);
    case 'RabbitmqCluster':
      return `${metadata.name}-default-user` === name;
    default:
      return false;
  }
}

function stepOf({ metadata }: Manifest): number {
  const step = steps.indexOf(metadata.labels?.['app.kubernetes.io/component'] ?? '');
  return step === -1 ? steps.length : step;
}

function waveOf({ metadata }: Manifest): number {
  return Number(metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? 0);
}
