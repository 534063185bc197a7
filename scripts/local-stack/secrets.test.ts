import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSecrets } from './secrets.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'secrets-'));
});

afterEach(() => rmSync(dir, { recursive: true }));

describe('the secrets of a local stack', () => {
  it('are long, different for every account and folder, and part of a URL as they are', () => {
    const secrets = openSecrets(dir);
    const passwords = [secrets('one'), secrets('two'), openSecrets(join(dir, 'elsewhere'))('one')];
    expect(new Set(passwords).size).toBe(3);
    for (const password of passwords) expect(password).toMatch(/^[\w-]{43}$/);
  });

  it('stay the same, in a file that only we may read', () => {
    const password = openSecrets(dir)('one');
    expect(openSecrets(dir)('one')).toBe(password);
    expect(statSync(join(dir, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  it('are not forgotten when they are opened twice at the same time', () => {
    const [first, second] = [openSecrets(dir), openSecrets(dir)];
    const passwords = [first('one'), second('two')];
    expect(['one', 'two'].map(openSecrets(dir))).toEqual(passwords);
  });

  it('fit servers that were created before there were any', () => {
    mkdirSync(join(dir, 'postgres'));
    writeFileSync(join(dir, 'postgres', 'PG_VERSION'), '18');
    mkdirSync(join(dir, 'rabbitmq', 'data'), { recursive: true });
    expect(openSecrets(dir)('postgres')).toBe('oms');
    expect(openSecrets(dir)('rabbitmq')).toBe('oms');
    expect(openSecrets(dir)('order_service')).not.toBe('oms');
    expect(openSecrets(dir)('postgres')).toBe('oms');
  });
});
