import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-write.ts';

/** Gives the password of an account, the same one every time. It can be part of a URL as it is. */
export type Secrets = (account: string) => string;

/**
 * The passwords of the servers that live in `dir`: made up where they are first asked for, and kept beside the servers'
 * data in `secrets.json`, which only we may read.
 */
export function openSecrets(dir: string): Secrets {
  return (account) => {
    // Read anew each time: whoever opened them before or after us has accounts of his own.
    const { [account]: known, ...others } = readSecrets(dir);
    if (known !== undefined) return known;
    const password = randomBytes(32).toString('base64url');
    mkdirSync(dir, { recursive: true });
    writeFileAtomically(fileIn(dir), `${JSON.stringify({ ...others, [account]: password }, null, 2)}\n`);
    return password;
  };
}

function readSecrets(dir: string): Record<string, string> {
  const has = (...path: string[]) => existsSync(join(dir, ...path));
  return {
    // Servers that were created before there were any secrets have this one.
    ...(has('postgres', 'PG_VERSION') && { postgres: 'oms' }),
    ...(has('rabbitmq', 'data') && { rabbitmq: 'oms' }),
    ...(has('secrets.json') && (JSON.parse(readFileSync(fileIn(dir), 'utf8')) as Record<string, string>)),
  };
}

function fileIn(dir: string): string {
  return join(dir, 'secrets.json');
}
