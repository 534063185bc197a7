import { join, resolve } from 'node:path';
import { repositoryRoot } from '#scripts/prisma/databases.ts';

/** The folder of the local data: `.local` in the repository, or LOCAL_STACK_DIR. */
export function localFolder(env: NodeJS.ProcessEnv): string {
  return resolve(env['LOCAL_STACK_DIR'] || join(repositoryRoot, '.local'));
}
