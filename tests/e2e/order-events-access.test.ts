import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { issueToken, startLocalIssuer } from '#scripts/local-issuer/issuer.ts';
import { openEvents } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { connectOrders, watchOrder } from '../support/grpc-client.ts';
import { createTestSystem, type OrderView, orderBody, type TestSystem } from '../support/system.ts';

const dir = mkdtempSync(join(tmpdir(), 'issuer-'));
let issuer: Awaited<ReturnType<typeof startLocalIssuer>>;
let system: TestSystem;
let base: string;

beforeAll(async () => {
  issuer = await startLocalIssuer({ dir, host: '127.0.0.1', port: 0 });
  system = await createTestSystem({ settings: issuer.settings });
  base = system.urls.order;
});
afterAll(async () => {
  await system?.dispose();
  await issuer?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function tokenOf(subject: string, scope: string, lifetime = '10m'): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await issueToken(dir, { subject, scope, lifetime })}` };
}

async function placeAsAda(): Promise<string> {
  const response = await fetch(`${base}/orders`, {
    method: 'POST',
    headers: { ...(await tokenOf('ada', 'orders:write')), 'content-type': 'application/json' },
    body: JSON.stringify({ ...orderBody({}, 'ada'), payment: 'manual' }),
  });
  return ((await response.json()) as OrderView).id;
}

test('a stream of gRPC ends with the token, and says so', async () => {
  const id = await placeAsAda();
  const client = connectOrders(system.grpcAddress);
  const watch = watchOrder(client, id, { metadata: await tokenOf('ada', 'orders:read', '1s') });
  expect(await watch.end).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'UNAUTHENTICATED' });
  expect(watch.seen()).toEqual(['1 placed', '2 reserved']);
  client.close();
});

describe('the events of an order', () => {
  test('are for its customer and for administrators; to others it is not there', async () => {
    const id = await placeAsAda();
    for (const [subject, scope] of [
      ['ada', 'orders:read'],
      ['olivia', 'orders:admin'],
    ] as const) {
      const stream = await openEvents(base, id, await tokenOf(subject, scope));
      await stream.until('reserved');
      stream.leave();
    }
    const statusFor = async (headers: Record<string, string>) =>
      (await fetch(`${base}/orders/${id}/events`, { headers })).status;
    expect(await statusFor(await tokenOf('bob', 'orders:read'))).toBe(404);
    expect(await statusFor(await tokenOf('ada', 'orders:write'))).toBe(403);
    expect(await statusFor({})).toBe(401);
  });

  test('end with the token, without saying that the order has ended', async () => {
    const id = await placeAsAda();
    const headers = await tokenOf('ada', 'orders:read', '1s');
    const stream = await openEvents(base, id, headers);
    expect(await stream.end).toBe('complete');
    expect(stream.seen()).toEqual(['1 placed', '2 reserved']);
    const again = { ...headers, 'last-event-id': '2' };
    await eventually(
      async () => (await fetch(`${base}/orders/${id}/events`, { headers: again })).status === 401,
    );
  });
});
