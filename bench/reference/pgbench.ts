import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { AcceptStatement } from './accept-statement.ts';

const run = promisify(execFile);

/** The version of the pgbench on the PATH, such as `15.18`; `undefined` without one. */
export async function findPgbench(): Promise<string | undefined> {
  try {
    const { stdout } = await run('pgbench', ['--version']);
    return /\d+(\.\d+)*/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}

/**
 * The statement as a script for pgbench. The parameters of the sample stay parameters; the server, which alone can
 * make ids here, puts a fresh one into each.
 */
export function toPgbenchScript({ text }: AcceptStatement): string {
  const withFreshId = text
    .trim()
    .replace(/\$(\d+)/g, '(SELECT replace(:p$1, :sample_id, fresh.id) FROM fresh)::json');
  if (!/^WITH\s/i.test(withFreshId)) throw new Error('the statement does not begin with WITH');
  return `WITH fresh AS MATERIALIZED (SELECT uuidv7()::text AS id), ${withFreshId.slice('WITH'.length)};\n`;
}

/** Runs the statement for `seconds` over `clients` connections, prepared, and gives the transactions per second. */
export async function runPgbench(options: {
  url: string;
  statement: AcceptStatement;
  scriptFile: string;
  clients: number;
  seconds: number;
}): Promise<number> {
  const { url, statement, scriptFile, clients, seconds } = options;
  await writeFile(scriptFile, toPgbenchScript(statement));
  const variables = [
    `sample_id=${statement.orderId}`,
    ...statement.values.map((value, index) => `p${index + 1}=${value}`),
  ];
  const args = [
    '--no-vacuum',
    '--protocol=prepared',
    `--client=${clients}`,
    '--jobs=2',
    `--time=${seconds}`,
    `--file=${scriptFile}`,
    ...variables.map((variable) => `--define=${variable}`),
    url,
  ];
  const { stdout } = await run('pgbench', args);
  const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
  if (tps === undefined || /failed transactions: [1-9]/.test(stdout)) {
    throw new Error(`pgbench said something unexpected:\n${stdout}`);
  }
  return Number(tps);
}
