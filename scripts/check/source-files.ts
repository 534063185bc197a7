import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Every TypeScript file that git has or would take up, as paths relative to `root`; so never a generated one. */
export async function listSourceFiles(root: string): Promise<string[]> {
  const query = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '*.ts', '*.mts'];
  const { stdout } = await promisify(execFile)('git', query, { cwd: root, maxBuffer: 16 * 1024 * 1024 });
  const names = stdout.split('\0').filter((name) => name !== '');
  return names.filter((name) => existsSync(join(root, name)));
}
