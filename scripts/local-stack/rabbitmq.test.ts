import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'amqplib';
import type { SpawnedProcess } from './child-process.ts';
import { createPortPicker } from './ports.ts';
import { startTimeOf } from './process-start-time.ts';
import { type RabbitmqServer, startRabbitmq } from './rabbitmq.ts';
import { findRabbitmq } from './rabbitmq-installation.ts';
import { createVirtualHost, deleteVirtualHost, listQueues } from './rabbitmq-management.ts';

/** Where the tests run in containers RabbitMQ need not be installed, and a test does not install anything. */
const whereInstalled = (await findRabbitmq()) === undefined ? describe.skip : describe;

const durable = { durable: true };
const quorum = { ...durable, arguments: { 'x-queue-type': 'quorum' } };
const stream = { ...durable, arguments: { 'x-queue-type': 'stream' } };

whereInstalled('a RabbitMQ of our own', () => {
  let folder: string;
  let start: () => Promise<RabbitmqServer>;
  let server: RabbitmqServer;
  const spawned: SpawnedProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rabbitmq-'));
    const pickPort = createPortPicker();
    const amqpPort = await pickPort(15_750);
    const managementPort = await pickPort(15_770);
    start = () =>
      startRabbitmq({
        dir: folder,
        amqpPort,
        managementPort,
        password: 'a-password-of-this-test',
        onSpawn: (child) => spawned.push(child),
      });
    server = await start();
  });

  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives every test a virtual host of its own, and takes it back', async () => {
    const name = 'a test/of its own';
    await createVirtualHost({ ...server, name });
    const connection = await connect(`${server.amqpUrl}/${encodeURIComponent(name)}`);
    const channel = await connection.createChannel();
    await channel.assertQueue('queue', quorum);
    await connection.close();
    expect(await listQueues(server)).toEqual([{ vhost: name, name: 'queue' }]);
    await deleteVirtualHost({ ...server, name });
    await deleteVirtualHost({ ...server, name });
    expect(await listQueues(server)).toEqual([]);
  });

  it('has all durable queues and messages when it is ready again, after a stop and after a kill', async () => {
    const declaring = await connect(server.amqpUrl);
    const declarer = await declaring.createChannel();
    await declarer.assertQueue('work', quorum);
    await declarer.assertQueue('log', stream);
    await declaring.close();
    // RabbitMQ 3.10 forgets a queue if it is killed within half a second of its declaration: hence the stop first.
    await server.stop();
    server = await start();

    const publishing = await connect(server.amqpUrl);
    publishing.on('error', () => undefined);
    const publisher = await publishing.createConfirmChannel();
    publisher.on('error', () => undefined);
    publisher.sendToQueue('work', Buffer.from('kept'), { persistent: true });
    await publisher.waitForConfirms();
    server.kill('SIGKILL');
    await server.exited;
    server = await start();

    const consuming = await connect(server.amqpUrl);
    const consumer = await consuming.createChannel();
    await consumer.checkQueue('log');
    const message = await consumer.get('work', { noAck: true });
    expect(message && message.content.toString()).toBe('kept');
    await consuming.close();
  });

  it('leaves no process behind when it stops', async () => {
    await server.stop();
    expect(spawned.map(({ name }) => name)).toEqual(expect.arrayContaining(['epmd', 'rabbitmq']));
    expect(spawned.filter(({ pid }) => startTimeOf(pid) !== undefined)).toEqual([]);
  });
});
