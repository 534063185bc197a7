/**
 * Holds package-lock.json free of download addresses: `node scripts/check/lock-file.ts`. With them in it, an install
 * would go to the registry of whoever wrote the file instead of the one that the machine is set up for.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from './source-files.ts';

/** The packages of a lock file, as install paths, that carry an address. */
export function findAddresses(lockFile: string): string[] {
  const { packages } = JSON.parse(lockFile) as { packages: Record<string, { resolved?: string }> };
  return Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined);
}

if (import.meta.main) {
  const lockFile = await readFile(join(repositoryRoot, 'package-lock.json'), 'utf8');
  const found = findAddresses(lockFile);
  for (const path of found) console.error(`has a "resolved" address: ${path}`);
  if (found.length > 0) {
    console.error("install with this repository's .npmrc, which keeps them out, or delete these lines");
    process.exitCode = 1;
  }
}
