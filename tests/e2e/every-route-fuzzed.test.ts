import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { type DrawnRequest, type Operation, requestsTo } from '../support/drawn-requests.ts';
import { openApiOf } from '../support/openapi.ts';
import { createTestSystem, orderBody, orderClient, type TestSystem } from '../support/system.ts';

/** For each route, other ones in every run; bounded, as this is part of all tests. */
const drawnPerRoute = 30;

interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
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

async function send(base: string, { method, path }: Route, drawn: DrawnRequest): Promise<Response> {
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
      const isAnsweredWell = async (drawn: DrawnRequest) => {
        const response = await send(system.urls[service], route, drawn);
        if (response.ok) successes.add(name);
        const flaw = await flawOf(response, route);
        if (flaw !== undefined) throw new Error(`${name} with ${JSON.stringify(drawn)} → ${flaw}`);
      };
      const requests = requestsTo(route.operation, { ids: knownIds, url: receiver });
      for (const drawn of requests.hostile()) await isAnsweredWell(drawn);
      await fc.assert(fc.asyncProperty(requests.various(), isAnsweredWell), { numRuns: drawnPerRoute });
    }
    // Requests that never get past the first check would prove little.
    expect(successes.size).toBeGreaterThan(routes.length / 2);
  });
});
