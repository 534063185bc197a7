/**
 * Holds package-lock.json so that `npm ci` works with any registry and on any system:
 * `node scripts/check/lock-file.ts`.
 *
 * - No download addresses: with them, an install would go to the registry of whoever wrote the file.
 * - An entry for every optional package, also those for other systems: npm leaves out what the registry at hand does not
 *   have, and `npm ci` then refuses the file everywhere.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from './source-files.ts';

interface LockFile {
  /** By install path: `node_modules/a`, `node_modules/a/node_modules/b`; the project itself is ''. */
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The install paths of the packages that carry an address. */
export function findAddresses(text: string): string[] {
  const { packages } = JSON.parse(text) as LockFile;
  return Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined);
}

/** The optional dependencies that have no entry, as `dependent → name`. */
export function findMissing(text: string): string[] {
  const { packages } = JSON.parse(text) as LockFile;
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isLocked(packages, path, name))
      .map((name) => `${path || 'package.json'} → ${name}`),
  );
}

/** Node looks for a dependency beside its dependent, then in every folder above. */
function isLocked(packages: LockFile['packages'], dependent: string, name: string): boolean {
  for (
    let folder = dependent;
    ;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))
  ) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path]) return true;
    if (folder === '') return false;
  }
}

if (import.meta.main) {
  const text = await readFile(join(repositoryRoot, 'package-lock.json'), 'utf8');
  const addresses = findAddresses(text);
  for (const path of addresses) console.error(`has a "resolved" address: ${path}`);
  if (addresses.length > 0) {
    console.error("install with this repository's .npmrc, which keeps them out, or delete these lines");
  }
  const missing = findMissing(text);
  for (const dependency of missing) console.error(`has no entry: ${dependency}`);
  if (missing.length > 0) {
    console.error(
      'npm ci would refuse the file: restore these entries from its history, or install from a full registry',
    );
  }
  if (addresses.length + missing.length > 0) process.exitCode = 1;
}
