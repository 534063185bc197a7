import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type OrderServiceClient,
  OrderServiceService,
} from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { issueToken, startLocalIssuer } from '#scripts/local-issuer/issuer.ts';
import { newId } from '#shared/kernel/ids.ts';
import { eventually } from '#tests/support/eventually.ts';
import { connectOrders, statusOf } from '#tests/support/grpc-client.ts';
import { createTestSystem, type TestSystem } from '#tests/support/system.ts';
import { startWebhookReceiver } from '#tests/support/webhook-receiver.ts';

const dir = mkdtempSync(join(tmpdir(), 'issuer-'));
let issuer: Awaited<ReturnType<typeof startLocalIssuer>>;
let system: TestSystem;
let client: OrderServiceClient;
let orderId: string;
const used: string[] = [];

const all = 'orders:read orders:write orders:admin ops';
const people = {
  nobody: undefined,
  expired: { subject: 'alice', scope: all, lifetime: '-1m' },
  customer: { subject: 'alice', scope: 'orders:read orders:write' },
  otherCustomer: { subject: 'bob', scope: 'orders:read orders:write' },
  operator: { subject: 'olivia', scope: all },
  formerOperator: { subject: 'olivia', scope: 'orders:read orders:write' },
  service: { subject: 'warehouse', scope: 'ops' },
} as const;
type Person = keyof typeof people;

beforeAll(async () => {
  issuer = await startLocalIssuer({ dir, host: '127.0.0.1', port: 0 });
  system = await createTestSystem({ settings: issuer.settings });
  client = connectOrders(system.grpcAddress);
  const placed = await ask('customer', 'POST', `${system.urls.order}/orders`, orderOf('alice'));
  orderId = ((await placed.json()) as { id: string }).id;
});
afterAll(async () => {
  client?.close();
  await system?.dispose();
  await issuer?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const orderOf = (customerId: string) => ({
  customerId,
  currency: 'EUR',
  items: [{ sku: 'SKU-001', quantity: 1, unitPrice: { amountMinor: 100, currency: 'EUR' } }],
  payment: 'manual',
});

async function credentialsOf(person: Person): Promise<Record<string, string>> {
  const wanted = people[person];
  if (!wanted) return {};
  const token = await issueToken(dir, wanted);
  used.push(token);
  return { authorization: `Bearer ${token}` };
}

async function ask(person: Person, method: string, url: string, body?: unknown): Promise<Response> {
  const headers = await credentialsOf(person);
  if (body !== undefined) headers['content-type'] = 'application/json';
  return fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

interface Operation {
  readonly security?: readonly { readonly bearer: readonly string[] }[];
}

/** Every route of a service's OpenAPI document, with an order, SKU or letter in place of the parameters. */
async function routesOf(url: string) {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path,
      url: url + path.replace('{sku}', 'SKU-001').replace(/\{\w+\}/g, orderId),
      scope: security?.[0]?.bearer[0],
    })),
  );
}

/** What the answer has to be because of who asks; whatever the route itself says otherwise. */
function verdict(person: Person, scope: string): 401 | 403 | 'let in' {
  if (person === 'nobody' || person === 'expired') return 401;
  const granted: string[] = people[person].scope.split(' ');
  const suffices =
    granted.includes(scope) || (scope.startsWith('orders:') && granted.includes('orders:admin'));
  return suffices ? 'let in' : 403;
}

describe('every route of the OpenAPI documents', () => {
  test.each(Object.keys(people) as Person[])(
    'lets %s do what the token allows, and no more',
    async (person) => {
      const routes = [...(await routesOf(system.urls.order)), ...(await routesOf(system.urls.processor))];
      expect(routes.filter(({ scope }) => scope !== undefined).length).toBeGreaterThan(20);
      for (const { method, path, url, scope } of routes) {
        const response = await ask(person, method, url, method === 'GET' ? undefined : { not: 'valid' });
        const seen = [401, 403].includes(response.status) ? response.status : 'let in';
        const expected = scope === undefined ? 'let in' : verdict(person, scope);
        expect([method, path, seen]).toEqual([method, path, expected]);
        const challenge = response.headers.get('www-authenticate');
        if (seen === 401) expect(challenge).toMatch(/^Bearer/);
        if (seen === 403) {
          expect(challenge).toBe(`Bearer error="insufficient_scope", scope="${scope}"`);
          expect(await response.json()).toMatchObject({ code: 'FORBIDDEN', scope });
        }
      }
    },
  );

  test('says which are public, and those only are', async () => {
    const routes = [...(await routesOf(system.urls.order)), ...(await routesOf(system.urls.processor))];
    const open = routes.filter(({ scope }) => scope === undefined).map(({ path }) => path);
    expect([...new Set(open)].sort()).toEqual(['/health/live', '/health/ready']);
  });
});

describe('every method of the proto', () => {
  const proto = readFileSync(new URL('../../proto/oms/v1/order_service.proto', import.meta.url), 'utf8');
  const documented = new Map(
    [...proto.matchAll(/\/\/ Scope: ([\w:]+)\.\n +rpc (\w+)/g)].map(([, scope, rpc]) => [rpc!, scope!]),
  );
  const grpcVerdict = { 401: status.UNAUTHENTICATED, 403: status.PERMISSION_DENIED, 'let in': 'let in' };

  test.each(Object.keys(people) as Person[])(
    'lets %s do what the token allows, and no more',
    async (person) => {
      const methods = Object.values(OrderServiceService);
      expect(methods.length).toBeGreaterThan(7);
      for (const { path } of methods) {
        const rpc = path.split('/').at(-1)!;
        const scope = documented.get(rpc)!;
        const code = await codeOf(person, path);
        const seen = [status.UNAUTHENTICATED, status.PERMISSION_DENIED].includes(code) ? code : 'let in';
        expect([rpc, scope, seen]).toEqual([rpc, expect.any(String), grpcVerdict[verdict(person, scope)]]);
      }
    },
  );

  test('has no order of somebody else', async () => {
    for (const rpc of ['GetOrder', 'GetOrderStatus', 'WatchOrder', 'CancelOrder', 'PayOrder']) {
      expect([rpc, await codeOf('otherCustomer', `/oms.v1.OrderService/${rpc}`)]).toEqual([
        rpc,
        status.NOT_FOUND,
      ]);
    }
  });

  /** An empty request, but for the order that is meant. */
  async function codeOf(person: Person, path: string): Promise<status> {
    return statusOf(client, path, { orderId, metadata: await credentialsOf(person) });
  }
});

describe('an order', () => {
  const withoutNames = async (response: Response, id: string) => {
    const {
      instance: _instance,
      correlationId: _correlationId,
      ...problem
    } = (await response.json()) as Record<string, unknown>;
    return JSON.stringify({ status: response.status, ...problem }).replaceAll(id, 'ID');
  };

  test.each([
    ['GET', ''],
    ['GET', '/timeline'],
    ['GET', '/events'],
    ['POST', '/cancel'],
    ['POST', '/pay'],
  ])('of somebody else is not there for %s %s', async (method, suffix) => {
    const missingId = newId();
    const foreign = await ask('otherCustomer', method, `${system.urls.order}/orders/${orderId}${suffix}`);
    const missing = await ask('otherCustomer', method, `${system.urls.order}/orders/${missingId}${suffix}`);
    expect(foreign.status).toBe(404);
    expect(await withoutNames(foreign, orderId)).toBe(await withoutNames(missing, missingId));
  });

  test('is listed for its customer and for operators', async () => {
    const listFor = async (person: Person, query = '') => {
      const response = await ask(person, 'GET', `${system.urls.order}/orders${query}`);
      return ((await response.json()) as { items: { id: string }[] }).items.map(({ id }) => id);
    };
    expect(await listFor('customer')).toEqual([orderId]);
    expect(await listFor('operator', '?customerId=alice')).toEqual([orderId]);
    expect(await listFor('otherCustomer')).toEqual([]);
    expect(await listFor('otherCustomer', '?customerId=alice')).toEqual([]);
  });

  test('is placed for oneself, or by an operator', async () => {
    const place = (person: Person) => ask(person, 'POST', `${system.urls.order}/orders`, orderOf('carol'));
    expect((await place('customer')).status).toBe(403);
    expect((await place('operator')).status).toBe(201);
  });

  test('of somebody else is not answered again for an idempotency key to a former operator', async () => {
    const placed = await ask('customer', 'POST', `${system.urls.order}/orders`, orderOf('alice'));
    const path = `${placed.headers.get('location')}/cancel`;
    const cancel = async (person: Person) =>
      fetch(system.urls.order + path, {
        method: 'POST',
        headers: { ...(await credentialsOf(person)), 'idempotency-key': 'as-operator' },
      });
    expect((await cancel('operator')).status).toBe(202);
    const again = await cancel('operator');
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    const foreign = await cancel('formerOperator');
    expect([foreign.status, foreign.headers.get('idempotent-replayed')]).toEqual([404, null]);
  });
});

describe('a webhook', () => {
  const subscribe = async (person: Person, wish: object) => {
    const response = await ask(person, 'POST', `${system.urls.order}/webhooks`, wish);
    return { status: response.status, ...((await response.json()) as { id: string; code?: string }) };
  };
  const place = async (person: Person) => {
    const customerId = people[person]?.subject ?? '';
    const response = await ask(person, 'POST', `${system.urls.order}/orders`, orderOf(customerId));
    return ((await response.json()) as { id: string }).id;
  };

  test('is told of the orders of its owner, or of everybody if an operator wants that', async () => {
    const receiver = await startWebhookReceiver();
    const eventTypes = ['order.placed'];
    const own = await subscribe('customer', { url: `${receiver.url}/alice`, eventTypes });
    const all = await subscribe('operator', { url: `${receiver.url}/all`, eventTypes, scope: 'all' });
    const placed = { alice: await place('customer'), bob: await place('otherCustomer') };
    await eventually(() => receiver.received.length === 3);
    const told = receiver.received.map(({ path, body }) => [path, JSON.parse(body).data.orderId]);
    expect(told).toEqual(
      expect.arrayContaining([
        ['/alice', placed.alice],
        ['/all', placed.alice],
        ['/all', placed.bob],
      ]),
    );
    const end = async (person: Person, { id }: { id: string }) =>
      (await ask(person, 'DELETE', `${system.urls.order}/webhooks/${id}`)).status;
    expect([await end('otherCustomer', own), await end('customer', all)]).toEqual([404, 404]);
    expect([await end('operator', own), await end('customer', own), await end('operator', all)]).toEqual([
      204, 404, 204,
    ]);
    await receiver.close();
  });

  test('for the orders of everybody is not for customers', async () => {
    expect(await subscribe('customer', { url: 'https://example.com/', scope: 'all' })).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
    });
  });
});

test('no token is in any log', () => {
  const logs = [...system.logOf('order'), ...system.logOf('processor')].join('\n');
  expect(used.length).toBeGreaterThan(40);
  // The last part of a token, in case the rest was cut off.
  for (const token of used) expect(logs).not.toContain(token.split('.')[2]);
});
