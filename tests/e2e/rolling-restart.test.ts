import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deadLetterQueueOf, queues } from '#shared/contracts/topology.ts';
import { eventually } from '../support/eventually.ts';
import { checkInvariants } from '../support/invariants.ts';
import { endsOf } from '../support/load.ts';
import { grpcCaller, httpCaller, keepConnection, type OrderCaller } from '../support/order-callers.ts';
import { type Endpoint, type ServiceProxy, startServiceProxy } from '../support/service-proxy.ts';
import { queueDepths, settled } from '../support/settled.ts';
import { createTestSystem, type Replica, type TestSystem } from '../support/system.ts';
import { type Answer, type Witness, watch } from '../support/witness.ts';

const replicas = 2;
const httpCallers = 6;
const grpcCallers = 4;
const stockReaders = 2;
/** Each caller asks again so often: several times while a process drains. */
const pauseMs = 200;
/** Several times what the proxy needs to notice. */
const draining = { SHUTDOWN_DELAY_MS: '1000' };

type Service = 'order' | 'processor';
type Port = 'http' | 'grpc';

let system: TestSystem;
let witness: Witness;
let proxies: Readonly<Record<Service, ServiceProxy<Port>>>;

beforeAll(async () => {
  system = await createTestSystem({ services: ['sandbox'] });
  witness = await watch(system);
  proxies = {
    order: await startServiceProxy<Port>(['http', 'grpc']),
    processor: await startServiceProxy<Port>(['http']),
  };
});
afterAll(async () => {
  for (const proxy of Object.values(proxies ?? {})) proxy.close();
  await system?.dispose();
});

interface Member {
  readonly replica: Replica;
  readonly endpoint: Endpoint<Port>;
}

/** Starts one more process, and comes back when connections go to it. */
async function join(service: Service): Promise<Member> {
  const replica = await system.startReplica(service, draining);
  const http = Number(new URL(replica.url).port);
  const grpc = Number(replica.grpcAddress.split(':').at(-1));
  const endpoint = { url: replica.url, ports: { http, grpc } };
  proxies[service].add(endpoint);
  await eventually(() => proxies[service].ready().includes(endpoint));
  return { replica, endpoint };
}

/** As a Deployment does without a surge: one goes, then one comes. */
async function replace(service: Service, { replica, endpoint }: Member): Promise<void> {
  expect(await replica.stop()).toEqual({ code: 0, signal: null });
  proxies[service].remove(endpoint);
  await join(service);
}

/** Repeats it for as long as the load goes on, and gives everything it answered. */
async function repeat<T>(load: AbortSignal, act: (index: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  while (!load.aborted) {
    results.push(await act(results.length));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return results;
}

async function placeOrders(caller: OrderCaller, load: AbortSignal): Promise<readonly Answer[]> {
  return repeat(load, (index) => caller.place(1_000 + index)).finally(caller.close);
}

async function readStock(url: string, load: AbortSignal): Promise<readonly (number | string)[]> {
  const connection = keepConnection();
  return repeat(load, () =>
    connection.send('GET', `${url}/stock/SKU-001`).then(
      ({ status }) => status,
      (error: Error) => error.message,
    ),
  ).finally(connection.close);
}

test('replacing every process of both services under load leaves no request without its answer', async () => {
  const members = { order: [] as Member[], processor: [] as Member[] };
  for (const service of ['order', 'processor'] as const) {
    const joining = Array.from({ length: replicas }, () => join(service));
    members[service].push(...(await Promise.all(joining)));
  }
  const at = (service: Service, port: Port) => `127.0.0.1:${proxies[service].ports[port]}`;
  const ending = new AbortController();
  const callers = [
    ...Array.from({ length: httpCallers }, () => httpCaller(witness, `http://${at('order', 'http')}`)),
    ...Array.from({ length: grpcCallers }, () => grpcCaller(witness, at('order', 'grpc'))),
  ];
  const placing = callers.map((caller) => placeOrders(caller, ending.signal));
  const reading = Array.from({ length: stockReaders }, () =>
    readStock(`http://${at('processor', 'http')}`, ending.signal),
  );

  for (const service of ['order', 'processor'] as const) {
    for (const member of members[service]) await replace(service, member);
  }
  ending.abort();
  const answers = (await Promise.all(placing)).flat();
  expect(new Set((await Promise.all(reading)).flat())).toEqual(new Set([200]));
  expect(answers.filter(({ outcome }) => outcome !== 'accepted')).toEqual([]);

  await settled(system);
  expect(new Set(await endsOf(system, answers))).toEqual(new Set(['completed']));
  expect(await checkInvariants(system, witness)).toEqual([]);
  const dead = [queues.orderCreated, queues.orderRequests, queues.orderProcessed].map(deadLetterQueueOf);
  expect([...(await queueDepths(system.broker.url, dead)).values()]).toEqual([0, 0, 0]);
}, 180_000);
