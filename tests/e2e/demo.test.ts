import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { stories } from '#scripts/demo/stories.ts';
import { startChildProcess } from '#scripts/local-stack/child-process.ts';
import { repositoryRoot } from '#scripts/local-stack/services.ts';
import { writeStackFile } from '#scripts/local-stack/stack-file.ts';
import { eventually } from '../support/eventually.ts';
import { bringUpMs, canStartLocalStack, createLocalStack, type LocalStack } from '../support/local-stack.ts';
import { sandboxClient } from '../support/sandbox.ts';
import { createTestSystem, type TestSystem } from '../support/system.ts';

/** Every story waits no longer than a minute for anything. */
const playMs = 180_000;

/** What `npm run demo -- …` does with the system that runs out of `dir`. */
async function startDemo(dir: string, ...args: readonly string[]) {
  const lines: string[] = [];
  const child = await startChildProcess({
    name: 'demo',
    command: 'npm',
    args: ['run', '--silent', 'demo', '--', ...args],
    cwd: repositoryRoot,
    env: { PATH: process.env.PATH, LOCAL_STACK_DIR: dir },
    onLine: (line) => lines.push(line),
  });
  return { child, lines };
}

async function demo(dir: string, ...args: readonly string[]) {
  const { child, lines } = await startDemo(dir, ...args);
  const { code } = await child.exited;
  return { code, lines, output: lines.join('\n') };
}

/** The lines from the title of a story to the title of the next one. */
function partOf(lines: readonly string[], title: string): string {
  const from = lines.findIndex((line) => line.endsWith(title));
  const to = lines.findIndex((line, index) => index > from && /^\d+\/\d+ {2}/.test(line));
  return lines.slice(from, to === -1 ? undefined : to).join('\n');
}

(canStartLocalStack ? describe : describe.skip)('npm run demo beside npm start -- --auth', () => {
  let local: LocalStack;

  beforeAll(async () => {
    local = await createLocalStack(6_260);
    await local.bringUp('--auth');
  }, bringUpMs);
  afterAll(() => local?.dispose());

  const ready = async (url: string) => (await fetch(`${url}/health/ready`)).status === 200;

  test(
    'plays every story, with the timeline of its order and what was verified',
    async () => {
      const { code, lines, output } = await demo(local.dir);
      expect([code, output]).toEqual([0, expect.stringContaining('8 of 8 stories came out as they have to')]);
      for (const { title, plot } of stories) {
        const part = partOf(lines, title);
        expect(part).toContain(plot);
        expect(part).toMatch(/after +what +who\n +0\.000 s {2}placed +customer /);
        expect(part).toMatch(/^ {2}✓ .*shipped · ledger: .* · no dead letters$/m);
      }
      expect(partOf(lines, 'The broker, away and back')).toContain('order.created.v1 waits for the broker');
    },
    playMs,
  );

  test(
    'may be interrupted while the broker is away, and played again',
    async () => {
      const { child, lines } = await startDemo(local.dir, 'broker-away');
      await eventually(() => lines.some((line) => line.includes('stops RabbitMQ')), { withinMs: 60_000 });
      child.kill('SIGINT');
      await child.exited;
      expect(lines.join('\n')).not.toContain('✓');
      const { orderService, processorService } = local.description();
      await eventually(async () => (await ready(processorService)) && (await ready(orderService)), {
        withinMs: 60_000,
      });
      const again = await demo(local.dir, 'last-item', 'poison');
      expect([again.code, again.output]).toEqual([0, expect.stringContaining('2 of 2 stories came out')]);
    },
    playMs,
  );
});

describe('npm run demo', () => {
  let system: TestSystem;
  let dir: string;

  beforeAll(async () => {
    system = await createTestSystem();
    dir = mkdtempSync(join(tmpdir(), 'demo-'));
    writeStackFile(dir, {
      orderService: system.urls.order,
      orderGrpc: system.grpcAddress,
      processorService: system.urls.processor,
      paymentSandbox: system.urls.sandbox,
      amqpUrl: system.broker.urls.operator,
      managementUrl: '',
      orderDatabaseUrl: system.orderDatabase.url,
      processorDatabaseUrl: system.processorDatabase.url,
      pids: {},
    });
  });
  afterEach(() => sandboxClient(system.urls.sandbox).lift());
  afterAll(async () => {
    await system?.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  test('needs no tokens where nobody asks for them, and leaves the broker of somebody else alone', async () => {
    const { code, output } = await demo(dir, 'happy', 'broker-away');
    expect(code).toBe(0);
    expect(output).toContain('not played: the broker is not the one of npm start');
    expect(output).toContain('1 of 2 stories came out as they have to, 1 skipped');
  });

  test('fails, and says what it expected, when an order does not come to its end', async () => {
    await sandboxClient(system.urls.sandbox).force('error_before', { operations: ['charge'] });
    const { code, output } = await demo(dir, 'happy', 'declined');
    expect(code).toBe(1);
    expect(output).toMatch(
      /✗ expected ada's order \S+ to become completed within 20 s; found (reserved|failed)/,
    );
    expect(output).toContain('the payment sandbox is told to play error_before; DELETE /scenario ends that');
    expect(output).toContain('0 of 2 stories came out');
    expect(output).not.toContain('✓');
  });

  test('says which service is not there', async () => {
    await system.stop('processor');
    const { code, output } = await demo(dir);
    await system.start('processor');
    expect(code).toBe(1);
    expect(output).toMatch(/the processor-service at http:\S+ did not answer: ECONNREFUSED/);
  });

  test('says how to start a system where none runs', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'demo-'));
    const { code, output } = await demo(empty, 'happy');
    rmSync(empty, { recursive: true });
    expect([code, output]).toEqual([1, expect.stringContaining('Start one in another terminal: npm start')]);
  });

  test('lists its stories, and knows no others', async () => {
    const { code, lines } = await demo(dir, '--list');
    expect([code, lines.length]).toEqual([0, stories.length]);
    const { code: wrong, output } = await demo(dir, 'hapy');
    expect([wrong, output]).toEqual([2, expect.stringContaining('there is no story hapy; there are happy,')]);
  });
});
