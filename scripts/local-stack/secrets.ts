import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-write.ts';

/** Gives the password of an account, the same one every time. It can be part of a URL as it is. */
export type Secrets = (account: string) => string;

/** What servers have that were created before there were any secrets. */
const before = { postgres: 'oms' };

/**
 * The passwords of the servers that live in `dir`: made up where they are first asked for, and kept beside the servers'
 * data in `secrets.json`, which only we may read.
 */
export function openSecrets(dir: string): Secrets {
  const known = readSecrets(dir);
  return (account) => {
    const password = known[account] ?? randomBytes(24).toString('base64url');
    if (known[account] === undefined) {
      known[account] = password;
      mkdirSync(dir, { recursive: true });
      writeFileAtomically(fileIn(dir), `${JSON.stringify(known, null, 2)}\n`);
    }
    return password;
  };
}

function readSecrets(dir: string): Record<string, string> {
  if (existsSync(fileIn(dir))) return JSON.parse(readFileSync(fileIn(dir), 'utf8')) as Record<string, string>;
  return existsSync(join(dir, 'postgres', 'PG_VERSION')) ? { ...before } : {};
}

function fileIn(dir: string): string {
  return join(dir, 'secrets.json');
}
