/**
 * `npm run check`: everything that can be told about the source without running it. Prints a line per gate as it ends,
 * then what the failed ones said, and which were left out because a program is missing.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { generateClients } from '#scripts/prisma/generate.ts';
import { type Gate, gates } from './gates.ts';
import { repositoryRoot } from './source-files.ts';

interface Verdict {
  readonly gate: Gate;
  readonly outcome: 'passed' | 'failed' | 'left out';
  readonly output: string;
}

async function runChecks(): Promise<boolean> {
  // The types of the generated clients are part of what is checked, and a fresh clone has none.
  await generateClients();
  const waiting = [...gates];
  const verdicts: Verdict[] = [];
  const work = async (): Promise<void> => {
    for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) {
      verdicts.push(await judge(gate));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));

  const failed = verdicts.filter(({ outcome }) => outcome === 'failed');
  for (const { gate, output } of failed) console.error(`\n── ${gate.name} ──\n${output.trim()}`);
  console.log(`\n${summaryOf(verdicts)}`);
  return failed.length === 0;
}

function summaryOf(verdicts: readonly Verdict[]): string {
  const names = (outcome: Verdict['outcome']): string[] =>
    verdicts.filter((verdict) => verdict.outcome === outcome).map(({ gate }) => gate.name);
  const [passed, failed, leftOut] = [names('passed'), names('failed'), names('left out')];
  if (failed.length > 0) return `${failed.length} of ${gates.length} checks failed: ${failed.join(', ')}`;
  if (leftOut.length > 0) return `${passed.length} checks passed, left out: ${leftOut.join(', ')}`;
  return `all ${gates.length} checks passed`;
}

async function judge(gate: Gate): Promise<Verdict> {
  const { needs } = gate;
  if (needs !== undefined && !isOnPath(needs.program)) {
    const output = `${needs.program} is missing; it comes with ${needs.from}`;
    if (process.env['CI'] === undefined) {
      console.log(`– ${gate.name}: ${output}`);
      return { gate, outcome: 'left out', output };
    }
    console.log(`✗ ${gate.name}`);
    return { gate, outcome: 'failed', output };
  }
  const startedAt = performance.now();
  const child = spawn(process.execPath, gate.command, {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const outcome = code === 0 ? 'passed' : 'failed';
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✓' : '✗'} ${gate.name} (${seconds} s)`);
  return { gate, outcome, output: Buffer.concat(chunks).toString() };
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

process.exitCode = (await runChecks()) ? 0 : 1;
