import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { openApiOf } from '../support/openapi.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

/** For each route: bounded, as it is part of every run of the tests. Each run draws other requests. */
const runsPerRoute = 30;

type JsonSchema = Record<string, unknown>;
interface Operation {
  readonly parameters?: readonly { name: string; in: 'path' | 'query' | 'header'; schema: JsonSchema }[];
  readonly requestBody?: { content: Record<string, { schema: JsonSchema }> };
  readonly responses: Record<string, { content?: Record<string, { schema: JsonSchema }> }>;
}
interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}
interface Drawn {
  readonly path: Record<string, unknown>;
  readonly query: Record<string, unknown>;
  readonly header: Record<string, unknown>;
  readonly body: unknown;
}

let system: TestSystem;
/** Of things that are there. */
let knownIds: readonly string[];
/** Nobody listens there. */
const receiver = 'http://127.0.0.1:9/webhooks';

beforeAll(async () => {
  system = await createTestSystem();
  const order = await orderClient(system.urls.order).place(orderBody());
  const webhook = await post('/webhooks', { url: receiver });
  const delivery = await post(`/webhooks/${webhook.id}/test`);
  knownIds = [order.id, webhook.id, delivery.id];
});

async function post(path: string, body: object = {}): Promise<{ id: string }> {
  const response = await fetch(`${system.urls.order}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { id: string };
}
afterAll(() => system?.dispose());

async function routesOf(service: 'order' | 'processor'): Promise<Route[]> {
  const document = await openApiOf<{ paths: Record<string, Record<string, Operation>> }>(
    system.urls[service],
  );
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
}

/** Values that nobody has asked for, and that every server meets one day. */
const strange: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    null,
    '',
    '\u0000',
    '\ud800',
    '../..',
    "' OR 1=1 --",
    '%00',
    -1,
    0,
    1e308,
    2 ** 53,
    [],
    {},
    true,
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Mostly what the schema asks for, so that requests get past its check; a quarter is something else. */
function valueOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: valid(schema) }, { weight: 1, arbitrary: strange });
}

function valid(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { anyOf, oneOf, type, format, pattern } = schema as {
    [key: string]: unknown;
    anyOf?: JsonSchema[];
    oneOf?: JsonSchema[];
  };
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const choices = anyOf ?? oneOf;
  if (choices) return fc.oneof(...choices.map(valueOf));
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number': {
      const min = Math.max(Number(schema['minimum'] ?? schema['exclusiveMinimum'] ?? 0), -1_000_000);
      return fc.integer({ min, max: Math.max(min, Math.min(Number(schema['maximum'] ?? 1_000), 1_000_000)) });
    }
    case 'array': {
      const { items = {}, minItems = 0 } = schema as { items?: JsonSchema; minItems?: number };
      return fc.array(valueOf(items), { minLength: minItems, maxLength: minItems + 2 });
    }
    case 'object':
      return objectOf(schema);
    case 'string':
      if (format === 'uuid') return fc.oneof(fc.constantFrom(...knownIds), fc.uuid());
      if (format === 'uri') return fc.constant(receiver);
      if (format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
      if (pattern === '^[A-Z]{3}$') return fc.constantFrom('EUR', 'USD');
      return fc.oneof(
        fc.constantFrom('SKU-001', 'a', ...knownIds),
        fc.string({ minLength: 1, maxLength: 20 }),
      );
    default:
      return strange;
  }
}

function objectOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  const known = fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, valueOf(property)])),
    { requiredKeys: required },
  );
  const unknown = fc.dictionary(fc.string({ maxLength: 5 }), strange, { maxKeys: 1 });
  return fc.oneof(
    { weight: 9, arbitrary: known },
    { weight: 1, arbitrary: fc.tuple(known, unknown).map(([a, b]) => ({ ...a, ...b })) },
  );
}

function requestFor({ operation }: Route): fc.Arbitrary<Drawn> {
  const parametersIn = (place: string) => {
    const found = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    const values = Object.fromEntries(found.map(({ name, schema }) => [name, valueOf(schema)]));
    return fc.record(values, place === 'path' ? {} : { requiredKeys: [] });
  };
  const body = operation.requestBody?.content['application/json']?.schema;
  return fc.record({
    path: parametersIn('path'),
    query: parametersIn('query'),
    header: parametersIn('header'),
    body: body ? valueOf(body) : fc.constant(undefined),
  });
}

async function send(base: string, { method, path }: Route, drawn: Drawn): Promise<Response> {
  const filled = path.replace(/\{(\w+)\}/g, (_match, name: string) => encode(drawn.path[name]) || '-');
  const query = Object.entries(drawn.query).flatMap(([name, value]) =>
    [value].flat().map((each) => `${name}=${encode(each)}`),
  );
  const headers = new Headers();
  for (const [name, value] of Object.entries(drawn.header)) {
    // Only what an HTTP client can send at all.
    if (/^[\x21-\x7e]+$/.test(write(value))) headers.set(name, write(value));
  }
  const body = drawn.body === undefined || method === 'get' ? undefined : JSON.stringify(drawn.body);
  if (body !== undefined) headers.set('content-type', 'application/json');
  return fetch(`${base}${filled}?${query.join('&')}`, {
    method: method.toUpperCase(),
    headers,
    body: body ?? null,
  });
}

/** Any value as text; not every object can be made a string of. */
function write(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function encode(value: unknown): string {
  return encodeURIComponent(write(value).toWellFormed()).replace(/^\.+$/, '-');
}

/** Why an answer is none that the document allows; `undefined` when it is. */
async function flawOf(response: Response, { operation }: Route): Promise<string | undefined> {
  const mediaType = (response.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
  const isEndless = mediaType === 'text/event-stream';
  const text = isEndless ? '' : await response.text();
  if (isEndless) await response.body?.cancel();
  if (response.status >= 500) return `status ${response.status}: ${text}`;
  const described = operation.responses[String(response.status)];
  if (!described) return `status ${response.status} is not documented: ${text}`;
  if (text === '' && described.content === undefined) return undefined;
  const schema = described.content?.[mediaType]?.schema;
  if (!schema) return `${response.status} as ${mediaType} is not documented`;
  if (isEndless) return undefined;
  const result = z.fromJSONSchema(schema).safeParse(JSON.parse(text));
  return result.success ? undefined : `${response.status}: ${z.prettifyError(result.error)} in ${text}`;
}

describe.each(['order', 'processor'] as const)('whatever is asked of the %s-service', (service) => {
  test('the answer is one that its OpenAPI document describes, and never a failure of ours', async () => {
    const isLast = ({ method }: Route) => Number(method === 'delete');
    const routes = (await routesOf(service)).toSorted((one, other) => isLast(one) - isLast(other));
    expect(routes.length).toBeGreaterThan(8);
    const successes = new Set<string>();
    for (const route of routes) {
      const name = `${route.method} ${route.path}`;
      await fc.assert(
        fc.asyncProperty(requestFor(route), async (drawn) => {
          const response = await send(system.urls[service], route, drawn);
          if (response.ok) successes.add(name);
          const flaw = await flawOf(response, route);
          if (flaw !== undefined) throw new Error(`${name} → ${flaw}`);
        }),
        { numRuns: runsPerRoute },
      );
    }
    // Requests that never get past the first check would prove little.
    expect(successes.size).toBeGreaterThan(routes.length / 2);
  });
});
