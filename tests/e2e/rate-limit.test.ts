import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type OrderServiceClient, OrderStatus } from '#order-service/grpc/protobuf/oms/v1/order_service.ts';
import { issueToken, startLocalIssuer } from '#scripts/local-issuer/issuer.ts';
import { call, connectOrders, refusalOf } from '../support/grpc-client.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';

const dir = mkdtempSync(join(tmpdir(), 'issuer-'));
let issuer: Awaited<ReturnType<typeof startLocalIssuer>>;
let system: TestSystem;
let client: OrderServiceClient;

beforeAll(async () => {
  issuer = await startLocalIssuer({ dir, host: '127.0.0.1', port: 0 });
  const settings = { ...issuer.settings, RATE_LIMIT: '4', RATE_WINDOW_MS: '600000' };
  system = await createTestSystem({ services: ['order'], settings });
  client = connectOrders(system.grpcAddress);
});
afterAll(async () => {
  client?.close();
  await system?.dispose();
  await issuer?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const request = { customerId: undefined, status: OrderStatus.UNSPECIFIED, pageSize: 0, pageToken: '' };

async function bearer(subject: string): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await issueToken(dir, { subject, scope: 'orders:read' })}` };
}

test('a caller has one count for REST and gRPC, and another caller has his own', async () => {
  const [alice, bob] = [await bearer('alice'), await bearer('bob')];
  const overHttp = (headers: Record<string, string>) => fetch(`${system.urls.order}/orders`, { headers });
  const overGrpc = (metadata: Record<string, string>) =>
    call(client, client.listOrders, request, { metadata });

  expect((await overHttp(alice)).headers.get('ratelimit')).toMatch(/^"default";r=3;t=\d+$/);
  await overGrpc(alice);
  await overGrpc(alice);
  expect((await overHttp(alice)).headers.get('ratelimit')).toMatch(/^"default";r=0;t=\d+$/);

  expect(await refusalOf(overGrpc(alice))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_REQUESTS',
    retrySeconds: expect.any(Number),
  });
  const refused = await overHttp(alice);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
  await overGrpc(bob);
});

test('calls without a valid token are counted for their address', async () => {
  const metadata = { authorization: 'Bearer a.b.c' };
  const codes = [];
  for (let n = 0; n < 5; n += 1) {
    codes.push((await refusalOf(call(client, client.listOrders, request, { metadata }))).code);
  }
  expect(codes).toEqual([...Array(4).fill(status.UNAUTHENTICATED), status.RESOURCE_EXHAUSTED]);
});
