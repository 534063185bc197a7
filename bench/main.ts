/**
 * `npm run bench`: brings up a system of its own, measures it beside PostgreSQL alone, prints a table, verifies that
 * nothing was lost or repeated, and stops everything. See README.md.
 */
import { join } from 'node:path';
import { openLogFiles } from '#scripts/local-stack/log-files.ts';
import { createServiceLog } from '#scripts/local-stack/service-log.ts';
import { StackError } from '#scripts/local-stack/stack-error.ts';
import { onStopRequest } from '#scripts/local-stack/stop-request.ts';
import { parseOptions, UsageError, usage } from './options.ts';
import { runBench } from './run.ts';
import { benchDir } from './system.ts';

// Progress goes to stderr: stdout has the results alone.
const write = (line: string): unknown => process.stderr.write(`${line}\n`);
const report = (message: string): unknown =>
  write(`[${(performance.now() / 1000).toFixed(1).padStart(6)} s] ${message}`);
const progressEveryMs = 1_000;
const services = new Set(['order-service', 'processor-service', 'payment-sandbox']);

process.exit(await main());

/** The exit code: 0 only when everything was measured and nothing is wrong. */
async function main(): Promise<number> {
  const stopping = new AbortController();
  onStopRequest({
    first: () => {
      report('Stopping');
      stopping.abort();
    },
    again: () => process.exit(1),
  });
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === undefined) {
      console.log(usage);
      return 0;
    }
    const { text, orders, discrepancies } = await runBench({
      options,
      report,
      progress: createProgress(),
      log: createLog(),
      signal: stopping.signal,
    });
    console.log(text);
    console.log(verdict(orders, discrepancies));
    return discrepancies.length === 0 ? 0 : 1;
  } catch (error) {
    if (stopping.signal.aborted) report('Stopped before the end');
    else if (error instanceof UsageError) console.error(`${error.message}\n\n${usage}`);
    else console.error(error instanceof StackError ? error.message : error);
    return 1;
  }
}

function verdict(orders: number, discrepancies: readonly string[]): string {
  const all = `all ${orders.toLocaleString('en')} orders of this run, warm-up included`;
  return discrepancies.length === 0
    ? `\n✓ Verified for ${all}: completed, stock conserved and shipped, paid exactly once, nothing left in outboxes or queues.`
    : `\n✗ Not everything is right with ${all}:\n${discrepancies.map((each) => `  ${each}`).join('\n')}`;
}

/** Shows one of the messages per second. */
function createProgress(): (message: string) => void {
  let shownAt = performance.now();
  return (message) => {
    if (performance.now() - shownAt < progressEveryMs) return;
    shownAt = performance.now();
    report(message);
  };
}

/** Everything into files; what the services say, which is only warnings, also to the terminal. */
function createLog(): (source: string, line: string) => void {
  const logToFile = openLogFiles(join(benchDir, 'log'));
  const show = createServiceLog({ color: process.stderr.isTTY === true, write });
  return (source, line) => {
    logToFile(source, line);
    if (services.has(source)) show(source, line);
  };
}
