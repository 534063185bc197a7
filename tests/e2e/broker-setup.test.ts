import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { queues } from '#shared/contracts/topology.ts';
import { type PrivateServer, startPrivateBroker } from '../support/private-servers.ts';

/** Broker users are known everywhere on a node: this one must be nobody else's. */
let server: PrivateServer;

beforeAll(async () => {
  server = await startPrivateBroker();
});
afterAll(() => server?.dispose());

const passwords = {
  ORDER_AMQP_PASSWORD: 'one',
  PROCESSOR_AMQP_PASSWORD: 'two',
  OPERATOR_AMQP_PASSWORD: 'three',
  TOPOLOGY_AMQP_PASSWORD: 'four',
};

function run(script: string, env: Readonly<Record<string, string>>): Promise<{ stdout: string }> {
  const usual = { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' };
  return promisify(execFile)(process.execPath, [script], { cwd: repositoryRoot, env: { ...usual, ...env } });
}

function adminUrl(): string {
  const { managementUrl, username, password } = server.infrastructure;
  return Object.assign(new URL(managementUrl), { username, password }).href;
}

const urlAs = (username: string, password: string): string =>
  Object.assign(new URL(server.infrastructure.amqpUrl), { username, password }).href;

async function createGuest(): Promise<void> {
  const { origin, username, password } = new URL(adminUrl());
  const response = await fetch(`${origin}/api/users/guest`, {
    method: 'PUT',
    headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
    body: JSON.stringify({ password: 'guest', tags: 'administrator' }),
  });
  expect(response.status).toBe(201);
}

test('a broker as it comes gets its users, loses guest, and is declared by one of them', async () => {
  await createGuest();
  const provide = { RABBITMQ_ADMIN_URL: adminUrl(), ...passwords };
  const { stdout } = await run('rabbitmq/provide-users.ts', provide);
  expect(stdout).toBe('the broker has its users: order-service, processor-service, operator, topology\n');
  await run('rabbitmq/declare.ts', { AMQP_URL: urlAs('topology', 'four') });

  const service = await connect(urlAs('order-service', 'one'));
  const channel = await service.createChannel();
  expect(await channel.checkQueue(queues.orderProcessed)).toMatchObject({ messageCount: 0 });
  await service.close();
  await expect(connect(urlAs('guest', 'guest'))).rejects.toThrow(/ACCESS.REFUSED/);

  await run('rabbitmq/provide-users.ts', { ...provide, ORDER_AMQP_PASSWORD: 'another' });
  await expect(connect(urlAs('order-service', 'one'))).rejects.toThrow(/ACCESS.REFUSED/);
  await (await connect(urlAs('order-service', 'another'))).close();
});

test('the set-up says everything that it lacks, in one sentence', async () => {
  await expect(run('rabbitmq/provide-users.ts', { ORDER_AMQP_PASSWORD: 'one' })).rejects.toMatchObject({
    code: 1,
    stderr:
      "cannot provide the broker's users: not set: RABBITMQ_ADMIN_URL, PROCESSOR_AMQP_PASSWORD, OPERATOR_AMQP_PASSWORD, TOPOLOGY_AMQP_PASSWORD\n",
  });
});
