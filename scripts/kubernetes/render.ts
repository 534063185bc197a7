import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { repositoryRoot } from '#scripts/check/source-files.ts';
import { type Manifest, parseManifests } from './manifest.ts';

export const overlays = ['dev', 'prod'] as const;
export type Overlay = (typeof overlays)[number];

/** What would be applied to a cluster. @throws Error with what kubectl says. */
export async function render(overlay: Overlay): Promise<Manifest[]> {
  const { stdout } = await promisify(execFile)('kubectl', ['kustomize', `deploy/k8s/overlays/${overlay}`], {
    cwd: repositoryRoot,
    maxBuffer: 16 * 1024 * 1024,
  });
  return parseManifests(stdout);
}
