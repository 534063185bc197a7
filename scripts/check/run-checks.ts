/**
 * `npm run check`: everything that can be told about the source without running it. Prints a line per gate as it ends,
 * then what the failed ones said.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { generateClients } from '#scripts/prisma/generate.ts';
import { type Gate, gates } from './gates.ts';
import { repositoryRoot } from './source-files.ts';

interface Verdict {
  readonly gate: Gate;
  readonly passed: boolean;
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

  const failed = verdicts.filter(({ passed }) => !passed);
  for (const { gate, output } of failed) console.error(`\n── ${gate.name} ──\n${output.trim()}`);
  console.log(
    failed.length === 0
      ? `\nall ${gates.length} checks passed`
      : `\n${failed.length} of ${gates.length} checks failed: ${failed.map(({ gate }) => gate.name).join(', ')}`,
  );
  return failed.length === 0;
}

async function judge(gate: Gate): Promise<Verdict> {
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
  const passed = code === 0;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${passed ? '✓' : '✗'} ${gate.name} (${seconds} s)`);
  return { gate, passed, output: Buffer.concat(chunks).toString() };
}

process.exitCode = (await runChecks()) ? 0 : 1;
