import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { chooseInfrastructure } from '#tests/support/containers.ts';

/** Speaks as much of the engine's API as the choice needs. Its registry swallows every pull until someone hangs up. */
const engine = { images: [] as string[], pulls: 0, abandonedPulls: 0 };
let server: Server;
let folder: string;
const environment = { ...process.env };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-'));
  const socket = join(folder, 'engine.sock');
  server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (path.endsWith('/info')) return answer(200, { ServerVersion: '99.1', OperatingSystem: 'test' });
    const image = /\/images\/(.+)\/json$/.exec(path)?.[1];
    if (image !== undefined && engine.images.includes(image)) return answer(200, { Id: image });
    if (image !== undefined) return answer(404, { message: `No such image: ${image}` });
    if (!path.includes('/images/create')) return answer(404, { message: path });
    engine.pulls += 1;
    response.on('close', () => {
      engine.abandonedPulls += 1;
    });
    return response.writeHead(200).write('{"status":"Pulling"}\n');
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  process.env['DOCKER_HOST'] = `unix://${socket}`;
  // Otherwise testcontainers starts a container to find the way to the engine's ports when it runs in one itself.
  process.env['TESTCONTAINERS_HOST_OVERRIDE'] = '127.0.0.1';
});

beforeEach(() => {
  Object.assign(engine, { images: [], pulls: 0, abandonedPulls: 0 });
});

afterAll(async () => {
  process.env = environment;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const images = { TEST_POSTGRES_IMAGE: 'own/postgres:1', TEST_RABBITMQ_IMAGE: 'own/rabbitmq:1' };

test('an engine that has both images is used, without pulling anything', async () => {
  engine.images = ['own/postgres:1', 'own/rabbitmq:1'];
  expect(await chooseInfrastructure(images)).toEqual({
    kind: 'containers',
    explanation: 'Integration tests run in containers: own/postgres:1 and own/rabbitmq:1 on Docker 99.1.',
  });
  expect(engine.pulls).toBe(0);
});

test('an engine that cannot pull a missing image in time counts as none, and the pull is given up', async () => {
  engine.images = ['own/postgres:1'];
  expect(await chooseInfrastructure({ ...images, TEST_IMAGES_TIMEOUT_SECONDS: '3' })).toEqual({
    kind: 'native',
    explanation:
      'Integration tests run natively, because the Docker engine has no image own/rabbitmq:1 and cannot pull it (not within 3 s).',
  });
  expect(engine.pulls).toBe(1);
  expect(engine.abandonedPulls).toBe(1);
});

test('demanded containers that cannot be had are an error and not a fall-back', async () => {
  const env = { ...images, TEST_INFRASTRUCTURE: 'containers', TEST_IMAGES_TIMEOUT_SECONDS: '0.2' };
  await expect(chooseInfrastructure(env)).rejects.toThrow(
    'TEST_INFRASTRUCTURE demands containers, but the Docker engine has no image own/postgres:1',
  );
});

test('a demand for native servers asks no engine', async () => {
  engine.images = ['own/postgres:1', 'own/rabbitmq:1'];
  expect(await chooseInfrastructure({ ...images, TEST_INFRASTRUCTURE: 'native' })).toMatchObject({
    kind: 'native',
  });
});

test('a demand that nobody understands is an error', async () => {
  await expect(chooseInfrastructure({ TEST_INFRASTRUCTURE: 'podman' })).rejects.toThrow('"podman"');
});
