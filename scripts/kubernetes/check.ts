/** Renders the overlays of `deploy/k8s` and says what is wrong with them: `node scripts/kubernetes/check.ts`. */
import { makeUpSecrets } from './dev-secrets.ts';
import { judgeDatabases } from './judge-databases.ts';
import { judgeEnvironment } from './judge-environment.ts';
import { judgeOrder } from './judge-order.ts';
import { judgePods } from './judge-pods.ts';
import { judgeReferences, type SecretKeys } from './judge-references.ts';
import { judgeScale } from './judge-scale.ts';
import { judgeSelectors } from './judge-selectors.ts';
import { judgeTraffic } from './judge-traffic.ts';
import { type Overlay, overlays, render } from './render.ts';
import { validateManifests } from './validate-manifests.ts';

/** Secrets that are made by hand. */
const byHand: Readonly<Record<Overlay, SecretKeys>> = {
  dev: Object.fromEntries(Object.entries(makeUpSecrets()).map(([name, keys]) => [name, Object.keys(keys)])),
  prod: {},
};

for (const overlay of overlays) {
  const manifests = await render(overlay);
  const complaints = await validateManifests(manifests);
  // The others rely on the schemas.
  if (complaints.length === 0) {
    complaints.push(
      ...judgePods(manifests),
      ...judgeReferences(manifests, byHand[overlay]),
      ...judgeOrder(manifests),
      ...judgeSelectors(manifests),
      ...judgeEnvironment(manifests),
      ...judgeTraffic(manifests),
      ...judgeScale(manifests),
      ...judgeDatabases(manifests),
    );
  }
  for (const complaint of complaints) console.error(`${overlay}: ${complaint}`);
  if (complaints.length > 0) process.exitCode = 1;
  else console.log(`${overlay}: ${manifests.length} manifests are as they should be`);
}
