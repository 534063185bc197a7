import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openApiOf } from '../support/openapi.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem();
});
afterAll(() => system?.dispose());

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: object }> };
  readonly responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
}
interface OpenApi {
  readonly openapi: string;
  readonly info: { title: string; version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
  readonly webhooks?: Record<string, Record<string, Operation>>;
}

async function documentOf(service: 'order' | 'processor'): Promise<OpenApi> {
  const response = await fetch(`${system.urls[service]}/openapi.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  return (await response.json()) as OpenApi;
}

const asJson = ['application/json', 'object'] as const;
const asProblem = ['application/problem+json', 'object'] as const;
const asEvents = ['text/event-stream', 'string'] as const;

const common = ['get /health/live', 'get /health/ready', 'get /invariants'];
const commands = ['cancel', 'fulfil', 'pay', 'refund'].map((name) => `post /orders/{id}/${name}`);
const webhooks = [
  'get /webhooks',
  'post /webhooks',
  ...['get', 'patch', 'delete'].map((method) => `${method} /webhooks/{id}`),
  'post /webhooks/{id}/rotate-secret',
  'post /webhooks/{id}/test',
  'get /webhooks/{id}/deliveries',
  'post /webhooks/{id}/deliveries/{deliveryId}/redeliver',
];
/** Posts that say everything by their address. */
const withoutBody = /\/(replay|stop|replays\/\{id\}\/resume)$/;
const sagas = ['get /sagas', 'get /sagas/{orderId}', 'post /sagas/{orderId}/resume'];
const deadLetters = [
  'get /dead-letters',
  'get /dead-letters/actions',
  'get /dead-letters/groups',
  'get /dead-letters/{id}',
  'post /dead-letters/dry-run',
  'get /dead-letters/replays',
  'get /dead-letters/replays/{id}',
  'post /dead-letters/replays',
  'post /dead-letters/replays/{id}/resume',
  'post /dead-letters/replays/{id}/stop',
  'post /dead-letters/{id}/discard',
  'post /dead-letters/{id}/edit',
  'post /dead-letters/{id}/replay',
];

describe.each([
  [
    'order',
    [
      ...common,
      'get /orders',
      'get /orders/{id}',
      'get /orders/{id}/timeline',
      'get /orders/{id}/events',
      'post /orders',
      ...commands,
      ...webhooks,
    ],
  ],
  ['processor', [...common, 'get /stock', 'get /stock/{sku}', 'put /stock/{sku}', ...sagas, ...deadLetters]],
] as const)('the OpenAPI document of the %s-service', (service, routes) => {
  test('is version 3.1 and has every route', async () => {
    const { openapi, info, paths } = await documentOf(service);
    expect(openapi).toBe('3.1.0');
    expect(info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
    const found = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(found.sort()).toEqual([...routes].sort());
  });

  test('names each operation and what it answers, for clients that are generated from it', async () => {
    const { paths, components } = await documentOf(service);
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
    const names = operations.map(({ operationId }) => operationId);
    expect(names.every((name) => /^[a-z][a-zA-Z]+$/.test(name ?? ''))).toBe(true);
    expect(new Set(names).size).toBe(operations.length);
    const expected = service === 'order' ? ['Order', 'Webhook'] : ['DeadLetter', 'Saga', 'Stock'];
    const schemas = Object.keys(components.schemas);
    expect(schemas).toEqual(expect.arrayContaining(['Problem', ...expected]));
    const text = JSON.stringify({ paths, components });
    expect(schemas.filter((name) => !text.includes(`"#/components/schemas/${name}"`))).toEqual([]);
  });

  test('describes what each route takes and answers, problems included', async () => {
    const { paths } = await openApiOf<OpenApi>(system.urls[service]);
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { parameters = [], requestBody, responses }] of Object.entries(methods)) {
        const inPath = parameters.filter((parameter) => parameter.in === 'path');
        expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
        expect(inPath.every(({ required }) => required === true)).toBe(true);
        expect(requestBody !== undefined).toBe(
          method !== 'get' && method !== 'delete' && !withoutBody.test(path),
        );
        expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
        for (const [status, { description, content = {} }] of Object.entries(responses)) {
          expect(description).not.toBe('');
          const isProblem = Number(status) >= 400 && !path.startsWith('/health');
          const success = path.endsWith('/events') ? asEvents : asJson;
          const [mediaType, type] = isProblem ? asProblem : success;
          if (status === '204') expect(content).toEqual({});
          else expect(content[mediaType]?.schema).toMatchObject({ type });
        }
      }
    }
  });

  test('offers an idempotency key wherever something is changed', async () => {
    const { paths } = await documentOf(service);
    const without = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { parameters = [] }]) => {
        const isOffered = parameters.some(({ name }) => name === 'idempotency-key');
        return method === 'get' || isOffered ? [] : [`${method} ${path}`];
      }),
    );
    expect(without).toEqual(service === 'order' ? [] : ['post /dead-letters/dry-run']);
  });

  test('refers to nothing that it does not contain', async () => {
    const document = await documentOf(service);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      ([, path]) => path ?? '',
    );
    for (const reference of references) {
      const found = reference
        .split('/')
        .reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], document);
      expect(found).toBeDefined();
    }
  });

  test('has the events beside it, as they are committed', async () => {
    const response = await fetch(`${system.urls[service]}/asyncapi.json`);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const committed = await readFile(new URL('../../docs/asyncapi.json', import.meta.url), 'utf8');
    expect([response.status, await response.text()]).toEqual([200, committed]);
  });

  test('can be browsed', async () => {
    const page = await fetch(`${system.urls[service]}/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const html = await page.text();
    expect(html).toContain('<div id="swagger-ui">');
    const [, script] = /<script src="([^"]*swagger-ui-bundle\.js)"/.exec(html) ?? [];
    const loaded = await fetch(new URL(script ?? 'no-script', page.url));
    expect(loaded.status).toBe(200);
    await loaded.body?.cancel();
  });
});

test('the OpenAPI document of the order-service has what webhooks are sent', async () => {
  const { webhooks: sent } = await documentOf('order');
  const schema = sent?.['orderEvent']?.['post']?.requestBody?.content['application/json']?.schema;
  expect(schema).toMatchObject({
    properties: { type: { enum: expect.arrayContaining(['order.completed']) } },
  });
});

describe('the health pages', () => {
  const up = { database: 'up', broker: 'up' };
  test.each([
    ['order', { status: 'ready', checks: up, required: ['database'] }],
    [
      'processor',
      {
        status: 'ready',
        checks: { ...up, payment: 'up' },
        required: ['database', 'broker'],
        detail: { payment: { circuit: 'closed' } },
      },
    ],
  ] as const)('of the %s-service say that it lives and can do its work', async (service, expected) => {
    const live = await fetch(`${system.urls[service]}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: 'live' }]);
    const ready = await fetch(`${system.urls[service]}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, expected]);
  });
});
