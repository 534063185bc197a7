import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestSystem, orderBody, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await createTestSystem({ services: ['order'] });
});
afterAll(() => system?.dispose());

afterEach(async () => {
  const { rows } = await system.orderDatabase.pool.query(`
    SELECT (SELECT count(*)::int FROM orders) AS orders, (SELECT count(*)::int FROM order_items) AS items,
           (SELECT count(*)::int FROM order_events) AS events, (SELECT count(*)::int FROM outbox) AS outbox`);
  expect(rows).toEqual([{ orders: 0, items: 0, events: 0, outbox: 0 }]);
});

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly errors?: readonly { field: string; message: string }[];
}

async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const problem = (await response.json()) as Problem;
  expect(problem).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    status: response.status,
    correlationId: expect.any(String),
  });
  return problem;
}

function post(body: string, contentType = 'application/json'): Promise<Response> {
  return fetch(`${system.urls.order}/orders`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  });
}

const good = orderBody();
const item = { sku: 'SKU-001', quantity: 1, unitPrice: { amountMinor: 5, currency: 'EUR' } };
const price = (amountMinor: unknown, currency: unknown = 'EUR') => ({
  ...item,
  unitPrice: { amountMinor, currency },
});
const json = (more: object): string => JSON.stringify({ ...good, ...more });
const nested = (depth: number): string => '{"a":'.repeat(depth) + 1 + '}'.repeat(depth);

describe('an order is refused, with every wrong field named and nothing stored, when', () => {
  test.each<[string, string, readonly string[]]>([
    ['it is empty', '{}', ['customerId', 'currency', 'items']],
    [
      'everything is of the wrong type',
      '{"customerId": 1, "currency": [], "items": "x", "description": {}, "metadata": 5}',
      ['customerId', 'currency', 'items', 'description', 'metadata'],
    ],
    [
      'texts are empty',
      json({ customerId: '', description: '', items: [{ ...item, sku: '' }] }),
      ['customerId', 'items.0.sku', 'description'],
    ],
    ['texts are blank', json({ customerId: ' ', description: '\t' }), ['customerId', 'description']],
    [
      'texts are too long',
      json({
        customerId: 'x'.repeat(65),
        description: 'x'.repeat(1_001),
        items: [{ ...item, sku: 'x'.repeat(65) }],
      }),
      ['customerId', 'items.0.sku', 'description'],
    ],
    [
      'texts contain NUL',
      json({
        customerId: 'a\u0000',
        description: '\u0000b',
        items: [{ ...item, sku: 'S\u0000' }],
        metadata: { a: '\u0000' },
      }),
      ['customerId', 'items.0.sku', 'description', 'metadata.a'],
    ],
    [
      'texts contain lone surrogates',
      json({ customerId: 'a\ud800', items: [{ ...item, sku: '\udfffS' }], metadata: { a: '\ud83d' } }),
      ['customerId', 'items.0.sku', 'metadata.a'],
    ],
    [
      'keys of the metadata contain them',
      json({ metadata: { 'a\u0000': 'x', 'b\ud800': 'x' } }),
      ['metadata.a\u0000', 'metadata.b\ud800'],
    ],
    ['there are no items', json({ items: [] }), ['items']],
    ['there are too many items', json({ items: Array.from({ length: 101 }, () => item) }), ['items']],
    [
      'items are no items',
      json({ items: [null, 5, [], {}] }),
      ['items.0', 'items.1', 'items.2', 'items.3.sku', 'items.3.quantity', 'items.3.unitPrice'],
    ],
    [
      'quantities are no numbers of pieces',
      json({ items: [0, -1, 1.5, '2', null, 1_000_001].map((quantity) => ({ ...item, quantity })) }),
      [
        'items.0.quantity',
        'items.1.quantity',
        'items.2.quantity',
        'items.3.quantity',
        'items.4.quantity',
        'items.5.quantity',
      ],
    ],
    [
      'numbers are beyond all bounds',
      json({}).replace('"quantity":1', '"quantity":1e400'),
      ['items.0.quantity'],
    ],
    [
      'prices are no amounts',
      json({ items: [-1, 0.5, '5', 1e13, 2 ** 53].map((amount) => price(amount)) }),
      [
        'items.0.unitPrice.amountMinor',
        'items.1.unitPrice.amountMinor',
        'items.2.unitPrice.amountMinor',
        'items.3.unitPrice.amountMinor',
        'items.4.unitPrice.amountMinor',
      ],
    ],
    [
      'currencies are none',
      json({ currency: 'eur', items: [price(5, 'EURO'), price(5, ''), price(5, 978)] }),
      ['currency', 'items.0.unitPrice.currency', 'items.1.unitPrice.currency', 'items.2.unitPrice.currency'],
    ],
    [
      'an item has another currency',
      json({ items: [item, price(5, 'USD'), price(5, 'CHF')] }),
      ['items.1.unitPrice.currency', 'items.2.unitPrice.currency'],
    ],
    ['it costs nothing', json({ items: [price(0), price(0)] }), ['items']],
    [
      'it costs more than can be counted',
      json({ items: Array.from({ length: 9 }, () => ({ ...price(1e12), quantity: 1e6 })) }),
      ['items'],
    ],
    [
      'there are fields that nobody knows',
      json({ status: 'paid', items: [{ ...item, colour: 'red', unitPrice: { ...item.unitPrice, tax: 1 } }] }),
      ['status', 'items.0.colour', 'items.0.unitPrice.tax'],
    ],
    [
      'metadata are not plain texts',
      json({ metadata: { a: 1, b: { c: 'x' }, d: null, e: ['x'] } }),
      ['metadata.a', 'metadata.b', 'metadata.d', 'metadata.e'],
    ],
    [
      'metadata are too many',
      json({ metadata: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, 'v'])) }),
      ['metadata'],
    ],
    ['optional fields are null', json({ description: null, metadata: null }), ['description', 'metadata']],
    ['metadata are nested', json({ metadata: JSON.parse(nested(10)) }), ['metadata.a']],
    ['metadata are nested without end', json({ metadata: JSON.parse(nested(1_000)) }), ['']],
  ])('%s', async (_when, body, fields) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    const { code, errors = [] } = await problemOf(response);
    expect(code).toBe('VALIDATION_FAILED');
    expect(new Set(errors.map(({ field }) => field))).toEqual(new Set(fields));
    expect(errors.every(({ message }) => message.length > 0)).toBe(true);
  });
});

const applicationJson = 'application/json';

describe('a body is refused as a whole when', () => {
  test.each([
    ['it is not JSON', 400, applicationJson, '{"customerId": '],
    ['there is none', 400, applicationJson, ''],
    ['it is null', 400, applicationJson, 'null'],
    ['it is a list', 400, applicationJson, '[]'],
    ['it is a text', 400, applicationJson, '"order"'],
    ['it is deep beyond measure', 400, applicationJson, '['.repeat(100_000) + ']'.repeat(100_000)],
    ['it is an object deep beyond measure', 400, applicationJson, nested(40_000)],
    ['it reaches for the prototype', 400, applicationJson, `{"__proto__": {"a": 1}, ${json({}).slice(1)}`],
    ['its metadata do', 400, applicationJson, json({}).replace('{', '{"metadata": {"__proto__": "x"}, ')],
    ['it is huge', 413, applicationJson, json({ description: 'x'.repeat(300_000) })],
    ['it is said to be text', 415, 'text/plain', json({})],
    ['it is said to be a form', 415, 'application/x-www-form-urlencoded', 'customerId=1'],
    ['it is said to be XML', 415, 'application/xml', '<order/>'],
    ['its type makes no sense', 415, 'nonsense', json({})],
  ])('%s', async (_when, status, contentType, body) => {
    const response = await post(body, contentType);
    expect(response.status).toBe(status);
    await problemOf(response);
  });
});

describe('a question is refused when', () => {
  test.each<[string, readonly string[]]>([
    ['/orders/not-a-uuid', ['id']],
    ['/orders/not-a-uuid/timeline', ['id']],
    ['/orders/%00', ['id']],
    ['/orders?limit=0', ['limit']],
    ['/orders?limit=101', ['limit']],
    ['/orders?limit=ten&status=lost&customerId=%00', ['limit', 'status', 'customerId']],
    ['/orders?limit=1&limit=2', ['limit']],
    [`/orders?customerId=${'x'.repeat(65)}&cursor=${'x'.repeat(65)}`, ['customerId', 'cursor']],
  ])('it is %s', async (path, fields) => {
    const response = await fetch(`${system.urls.order}${path}`);
    expect(response.status).toBe(400);
    const { errors = [] } = await problemOf(response);
    expect(new Set(errors.map(({ field }) => field))).toEqual(new Set(fields));
  });

  test.each([
    ['about no order', 404, '/orders/01a1fc15-e415-7615-b6f8-f42a39fec97f'],
    ['about the timeline of no order', 404, '/orders/01a1fc15-e415-7615-b6f8-f42a39fec97f/timeline'],
    ['at no address', 404, '/nowhere'],
    ['for no file of the documentation', 404, '/docs/static/nothing.js'],
    ['with a cursor that is none', 400, '/orders?cursor=made-up'],
    ['in no valid encoding', 400, '/orders/%ZZ'],
    ['too long', 414, `/orders/${'x'.repeat(1_000)}`],
    ['much too long', 431, `/orders/${'x'.repeat(100_000)}`],
  ])('it is %s', async (_what, status, path) => {
    const response = await fetch(`${system.urls.order}${path}`);
    expect(response.status).toBe(status);
    await problemOf(response);
  });

  test.each([
    ['DELETE', '/orders', 'GET, HEAD, POST'],
    ['PUT', '/orders/not-a-uuid?x=/a', 'GET, HEAD'],
    ['GET', '/orders/01a1fc15-e415-7615-b6f8-f42a39fec97f/cancel', 'POST'],
    ['POST', '/docs/static/index.html', 'GET, HEAD'],
  ])('it is a %s of %s, which takes %s', async (method, path, allowed) => {
    const response = await fetch(`${system.urls.order}${path}`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allowed]);
    expect(await problemOf(response)).toMatchObject({ code: 'HTTP_405' });
  });

  test('it is not even HTTP', async () => {
    const { hostname, port } = new URL(system.urls.order);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.end('GET orders, please\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*application\/problem\+json/s);
  });
});
