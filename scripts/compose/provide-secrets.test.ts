import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseConfig as parseOrderService } from '#order-service/config.ts';
import { parseConfig as parseProcessorService } from '#processor-service/config.ts';
import { provideSecrets } from './provide-secrets.ts';

const files = {
  order: 'order-service/service.env',
  processor: 'processor-service/service.env',
  setup: 'kept/setup.env',
  audit: 'audit/audit.env',
  postgres: 'postgres/password',
  broker: 'rabbitmq/definitions.json',
};
/** What docker-compose.yml itself tells a service. */
const auth = { AUTH_ISSUER: 'issuer', AUTH_AUDIENCE: 'orders', AUTH_JWKS_URL: 'http://issuer:3003/keys' };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  provideSecrets(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the secrets of the containers', () => {
  test('stay the same when they are provided again', () => {
    const lasting = [files.order, files.processor, files.setup, files.audit, files.postgres];
    const before = lasting.map(read);
    provideSecrets(folder);
    expect(lasting.map(read)).toEqual(before);
  });

  test('differ from one system to the next', () => {
    const before = read('kept/secrets.json');
    rmSync(join(folder, 'kept/secrets.json'));
    provideSecrets(folder);
    const fresh = Object.values(passwords());
    expect(fresh.filter((password) => before.includes(password))).toEqual([]);
    expect(new Set(fresh).size).toBe(fresh.length);
  });

  test('are all that the services need beside docker-compose.yml', () => {
    expect(() => parseOrderService({ ...settings(files.order), ...auth })).not.toThrow();
    const processor = { ...settings(files.processor), ...auth, PAYMENT_URL: 'http://payment-sandbox:3002' };
    expect(() => parseProcessorService(processor)).not.toThrow();
  });

  test('reach those alone whom they are for', () => {
    const known = (file: string) =>
      Object.entries(passwords())
        .filter(([, password]) => read(file).includes(password))
        .map(([account]) => account)
        .sort();
    expect(known(files.order)).toEqual(['order-service', 'order_service', 'webhooks']);
    expect(known(files.processor)).toEqual(['operator', 'processor-service', 'processor_service']);
    expect(known(files.audit)).toEqual(['operator', 'order_service', 'processor_service']);
    expect(known(files.postgres)).toEqual(['postgres']);
    expect(known(files.broker)).toEqual([]);
    expect(known(files.setup)).not.toContain('webhooks');
  });

  test('are hashed as RabbitMQ checks them', () => {
    const { users } = JSON.parse(read(files.broker)) as { users: { name: string; password_hash: string }[] };
    const hashes = users.map(({ name, password_hash }) => [name, matches(password_hash, accountOf(name))]);
    expect(hashes).toEqual(users.map(({ name }) => [name, true]));
    expect(users.map(({ name }) => name)).toContain('oms');
  });

  test('can be read by us, and where the server has another user, by whoever mounts the volume', () => {
    const mode = (file: string) => (statSync(join(folder, file)).mode & 0o777).toString(8);
    expect([files.order, files.processor, files.setup, files.audit].map(mode)).toEqual(Array(4).fill('400'));
    expect([files.postgres, files.broker].map(mode)).toEqual(['444', '444']);
    expect(mode('kept/secrets.json')).toBe('600');
  });
});

function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}

function passwords(): Record<string, string> {
  return JSON.parse(read('kept/secrets.json'));
}

function settings(file: string): NodeJS.ProcessEnv {
  return parseEnv(read(file));
}

function accountOf(user: string): string {
  return user === 'oms' ? 'rabbitmq' : user;
}

function matches(passwordHash: string, account: string): boolean {
  const stored = Buffer.from(passwordHash, 'base64');
  const hash = createHash('sha256')
    .update(stored.subarray(0, 4))
    .update(passwords()[account] ?? '')
    .digest();
  return hash.equals(stored.subarray(4));
}
