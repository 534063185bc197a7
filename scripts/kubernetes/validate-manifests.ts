import { judgeFields } from './judge-fields.ts';
import { findKind, type KindModule } from './kinds.ts';
import { type Manifest, titleOf } from './manifest.ts';

interface Validated {
  validate(): void;
}

/**
 * Holds manifests against the schemas of their kinds: Kubernetes' own and those of the operators.
 *
 * @returns complaints: unknown kinds, unknown or missing fields, wrong types, values that the schema forbids.
 */
export async function validateManifests(manifests: readonly Manifest[]): Promise<string[]> {
  const known: { manifest: Manifest; kind: KindModule }[] = [];
  const complaints: string[] = [];
  for (const manifest of manifests) {
    const kind = findKind(manifest.apiVersion, manifest.kind);
    if (kind) known.push({ manifest, kind });
    else complaints.push(`${titleOf(manifest)}: there is no kind ${manifest.kind} in ${manifest.apiVersion}`);
  }
  for (const { manifest, kind } of known) complaints.push(...(await judgeValues(manifest, kind)));
  return [...complaints, ...judgeFields(known)];
}

/** Do the values keep to the patterns, formats and limits of the schema? */
async function judgeValues(manifest: Manifest, { specifier, className }: KindModule): Promise<string[]> {
  if (className === undefined) return [];
  const module = (await import(specifier)) as Record<string, new (data: Manifest) => Validated>;
  const Kind = module[className];
  if (Kind === undefined) throw new Error(`${specifier} has no ${className}`);
  try {
    new Kind(manifest).validate();
    return [];
  } catch (error) {
    return [`${titleOf(manifest)}: ${(error as Error).message}`];
  }
}
