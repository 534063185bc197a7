import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseConfig as parseOrderService } from '#order-service/config.ts';
import { parseConfig as parseSandbox } from '#payment-sandbox/config.ts';
import { parseConfig as parseProcessorService } from '#processor-service/config.ts';
import { readStartSettings } from '#scripts/local-stack/start-settings.ts';
import { commonSettings } from '#shared/config/environment.ts';
import { readUserSettings } from '../../rabbitmq/provide-users.ts';
import { repositoryRoot } from './source-files.ts';

const lines = read('.env.example').split('\n');
/** What the file says about each variable; `value` is empty where there is no default. */
const variables = lines.flatMap((line, index) => {
  const [, name, value = ''] = /^#([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
  return name === undefined ? [] : [{ name, value, explanation: lines[index - 1] ?? '' }];
});
const valueOf = new Map(variables.map(({ name, value }) => [name, value]));
const documented = Object.fromEntries(valueOf);

const shared = {
  AMQP_URL: 'amqp://localhost',
  AUTH_ISSUER: 'https://issuer',
  AUTH_AUDIENCE: 'orders',
  AUTH_JWKS_URL: 'https://issuer/keys',
};
const required = {
  order: { ...shared, ORDER_DATABASE_URL: 'postgresql://localhost/o', WEBHOOK_SIGNING_KEY: 'A'.repeat(44) },
  processor: {
    ...shared,
    PROCESSOR_DATABASE_URL: 'postgresql://localhost/p',
    PAYMENT_URL: 'http://localhost',
  },
};

const namesReadBy = {
  'order-service': [...Object.keys(commonSettings), ...keysIn('order-service/src/config.ts')],
  'processor-service': [...Object.keys(commonSettings), ...keysIn('processor-service/src/config.ts')],
  'payment-sandbox': keysIn('payment-sandbox/src/config.ts'),
  'npm start': namesAskedFor((env) => readStartSettings(env)),
  'docker compose': [...composeDefaults().keys()],
  'rabbitmq/provide-users.ts': namesAskedFor(readUserSettings),
};

describe('.env.example', () => {
  test('names every variable that something reads, and no other, each once', () => {
    const read = new Set(Object.values(namesReadBy).flat());
    expect(variables.map(({ name }) => name).sort()).toEqual([...read].sort());
  });

  test.each(variables)('explains $name in the line before it', ({ explanation }) => {
    expect(explanation).toMatch(/^# \S.*\.\)?$/);
  });

  test('has the defaults of the order-service', () => {
    const withDefaults = parseOrderService({ ...documented, ...required.order });
    expect(withDefaults).toEqual(parseOrderService(required.order));
  });

  test('has the defaults of the processor-service', () => {
    const withDefaults = parseProcessorService({ ...documented, ...required.processor });
    expect(withDefaults).toEqual(parseProcessorService(required.processor));
  });

  test('has the defaults of the payment sandbox', () => {
    expect(parseSandbox(documented)).toEqual(parseSandbox({}));
  });

  test('has the ports, the addresses and the folder of npm start', () => {
    const settings = (env: NodeJS.ProcessEnv) => ({
      ...readStartSettings(env),
      insistedPorts: null,
      env: null,
    });
    expect(settings(documented)).toEqual(settings({}));
  });

  test('has the defaults of docker-compose.yml', () => {
    for (const [name, value] of composeDefaults()) expect([name, valueOf.get(name)]).toEqual([name, value]);
  });

  test('shows no value for what the services require, so that copying the file changes nothing', () => {
    const names = [...Object.keys(required.order), ...Object.keys(required.processor)];
    expect(names.map((name) => valueOf.get(name))).toEqual(names.map(() => ''));
  });
});

function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

/** The variables of a schema: nothing else in these files is a key in capitals. */
function keysIn(path: string): string[] {
  return [...read(path).matchAll(/\b([A-Z][A-Z0-9_]*):/g)].map(([, name = '']) => name);
}

function namesAskedFor(reader: (env: NodeJS.ProcessEnv) => unknown): string[] {
  const asked = new Set<string>();
  const spy = new Proxy<NodeJS.ProcessEnv>(
    {},
    {
      get: (_target, name) => {
        asked.add(String(name));
        return undefined;
      },
    },
  );
  try {
    reader(spy);
  } catch {
    // It has asked for what it misses.
  }
  return [...asked];
}

/** What docker-compose.yml takes from the environment, with what it takes otherwise: `${NAME:-default}`. */
function composeDefaults(): Map<string, string> {
  const references = read('docker-compose.yml').matchAll(/\$\{([A-Z0-9_]+):-([^}]*)\}/g);
  return new Map([...references].map(([, name = '', value = '']) => [name, value]));
}
