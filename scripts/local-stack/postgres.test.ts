import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { createPortPicker } from './ports.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';

const password = 'a-password-of-this-test';
let folder: string;
let port: number;
let server: PostgresServer | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  port = await createPortPicker()(15_700);
});

afterEach(() => server?.stop());

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The same cluster every time. Durable, because some of these tests kill it. */
async function start(): Promise<PostgresServer> {
  server = await startPostgres({ dataDir: join(folder, 'data'), port, password });
  return server;
}

async function query(url: string, sql: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  it('is fully durable and listens on the loopback interface only', async () => {
    const { url } = await start();
    const names = `'fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses'`;
    const settings = await query(
      url('postgres'),
      `select name, setting from pg_settings where name in (${names})`,
    );
    expect(Object.fromEntries(settings)).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
    });
  });

  it('refuses a wrong password', async () => {
    const address = new URL((await start()).url('postgres'));
    address.password = 'guess';
    await expect(query(address.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps what was committed when it is stopped and when it is killed', async () => {
    const first = await start();
    await query(first.url('postgres'), 'create table kept (value int); insert into kept values (1)');
    await first.stop();
    expect(await first.exited).toEqual({ code: 0, signal: null });

    const second = await start();
    await query(second.url('postgres'), 'insert into kept values (2)');
    second.kill('SIGKILL');
    await second.exited;

    const third = await start();
    expect(await query(third.url('postgres'), 'select value from kept order by value')).toEqual([[1], [2]]);
  });

  it('starts although a pid file was left behind whose number belongs to somebody else now', async () => {
    const dataDir = join(folder, 'data');
    const killed = await start();
    killed.kill('SIGKILL');
    await killed.exited;
    const pidFile = join(dataDir, 'postmaster.pid');
    const content = readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid));
    writeFileSync(pidFile, content);
    const { url } = await start();
    expect(await query(url('postgres'), 'select 1')).toEqual([[1]]);
  });

  it('refuses data that another server is using, in one sentence', async () => {
    const { pid } = await start();
    await expect(startPostgres({ dataDir: join(folder, 'data'), port: port + 1, password })).rejects.toThrow(
      `A PostgreSQL server (process ${pid}) already uses ${join(folder, 'data')}.`,
    );
  });

  it('explains in its own words why it does not start', async () => {
    const start = startPostgres({
      dataDir: join(folder, 'data'),
      port,
      password,
      settings: { shared_buffers: 'plenty' },
    });
    await expect(start).rejects.toThrow(/postgres exited with code 1:\n.*shared_buffers.*plenty/s);
  });
});
