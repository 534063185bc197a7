/**
 * `npm start`: brings up the whole system on this machine, shows where everything is, and stops all of it on Ctrl-C,
 * SIGTERM or when the terminal goes away. A second signal ends everything at once. `npm start -- --auth` lets the
 * services answer only who has a token, and prints two.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { issueToken } from './local-issuer/issuer.ts';
import { localFolder } from './local-stack/local-folder.ts';
import { openLogFiles } from './local-stack/log-files.ts';
import { createPortPicker } from './local-stack/ports.ts';
import { createServiceLog } from './local-stack/service-log.ts';
import { killStack, startStack } from './local-stack/stack.ts';
import { StackError } from './local-stack/stack-error.ts';
import { readStartSettings } from './local-stack/start-settings.ts';
import { onStopRequest } from './local-stack/stop-request.ts';
import { welcome } from './local-stack/welcome.ts';

const dir = localFolder(process.env);
const serviceNames = new Set(['order-service', 'processor-service', 'payment-sandbox']);

const write = (line: string) => process.stdout.write(`${line}\n`);
const report = (message: string) =>
  write(`[${(performance.now() / 1000).toFixed(1).padStart(6)} s] ${message}`);
// A terminal that is gone must not keep us from stopping what we started.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const stopping = new AbortController();
onStopRequest({
  first: () => {
    report('Stopping; once more ends everything at once');
    stopping.abort();
  },
  again: () => {
    killStack(dir);
    process.exit(1);
  },
});

const usage = `usage: npm start               the whole system, until Ctrl-C
       npm start -- --auth     and it answers only who has a token; npm run token makes others than it prints

What can be set by environment variables stands in .env.example.`;

try {
  const { auth, help } = readOptions();
  if (help) {
    write(usage);
    process.exit();
  }
  const { insistedPorts, ...settings } = readStartSettings(process.env);
  const logToFile = openLogFiles(join(dir, 'log'));
  const showService = createServiceLog({ color: process.stdout.isTTY === true, write });
  report('Starting PostgreSQL, RabbitMQ and the services');
  const stack = await startStack({
    ...settings,
    auth,
    pickPort: createPortPicker(insistedPorts),
    report,
    log: (source, line) => {
      logToFile(source, line);
      if (serviceNames.has(source)) showService(source, line);
    },
    signal: stopping.signal,
  });
  report('Everything is up');
  write(welcome(stack.description, auth ? await sampleTokens() : undefined));
  await aborted(stopping.signal);
  await stack.stop();
  report('Stopped');
} catch (error) {
  if (error === stopping.signal.reason) report('Stopped before everything was up');
  else console.error(error instanceof StackError ? error.message : error);
  process.exitCode = 1;
}
process.exit();

/** @throws StackError about anything else on the command line. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: { auth: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    });
    return values;
  } catch (error) {
    throw new StackError(`${(error as Error).message}\n${usage}`);
  }
}

async function sampleTokens() {
  const token = (subject: string, scope: string) => issueToken(dir, { subject, scope });
  return {
    customer: await token('customer-1', 'orders:read orders:write'),
    operator: await token('operator-1', 'orders:read orders:write orders:admin ops'),
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
