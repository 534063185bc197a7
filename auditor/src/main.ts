/** The invariants on the command line: `npm run audit:invariants`. `--help` tells how it is used. */
import { ConfigError } from '#shared/config/environment.ts';
import { type AuditReport, audit, type Counts, reasonOf } from './audit.ts';
import { type Options, readOptions, usage, WrongUse } from './options.ts';
import { exitCodeOf, toJson, toText } from './report.ts';
import { readSettings } from './settings.ts';
import { withWitnesses } from './witnesses.ts';

const couldNotTell = 2;
const progressEveryMs = 2_000;

async function run({ json, ...options }: Options): Promise<void> {
  const settings = readSettings(process.env);
  const urls = {
    orders: settings.ORDER_DATABASE_URL,
    processor: settings.PROCESSOR_DATABASE_URL,
    ledger: settings.PAYMENT_URL,
    broker: settings.AMQP_URL,
  };
  const begun = performance.now();
  const outboxRetentionMs = settings.OUTBOX_RETENTION_HOURS * 3_600_000;
  const report: AuditReport = await withWitnesses(urls, (witnesses) =>
    audit(witnesses, {
      ...options,
      outboxRetentionMs,
      onProgress: showProgress(),
      onDoubt(findings) {
        if (process.stderr.isTTY) console.error(doubtAbout(findings, options.patienceMs));
      },
    }),
  );
  const tookMs = Math.round(performance.now() - begun);
  console.log(json ? toJson(report, tookMs) : toText(report, tookMs));
  process.exitCode = exitCodeOf(report);
}

/** Says on stderr how far it is, now and then. */
function showProgress(): (counts: Readonly<Counts>) => void {
  let shown = performance.now();
  return ({ orders, messages }) => {
    if (performance.now() - shown < progressEveryMs) return;
    shown = performance.now();
    console.error(`${orders} orders and ${messages} messages so far`);
  };
}

/** Somebody who watches would wonder why nothing happens for half a minute. */
function doubtAbout(findings: number, patienceMs: number): string {
  const what = findings === 1 ? '1 finding' : `${findings} findings`;
  return `${what} so far: looking again for ${patienceMs / 1_000} s, in case something is in flight`;
}

// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on('error', () => process.exit(couldNotTell));

try {
  const options = readOptions(process.argv.slice(2), Date.now());
  if (options) await run(options);
  else console.log(usage);
} catch (error) {
  const isExpected = error instanceof WrongUse || error instanceof ConfigError;
  console.error(isExpected ? error.message : `could not tell: ${reasonOf(error)}`);
  process.exitCode = couldNotTell;
}
