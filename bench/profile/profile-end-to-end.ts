import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { measureEndToEnd, type Workbench } from '../phases.ts';
import { benchDir } from '../system.ts';
import { startCpuProfile } from './inspector.ts';
import type { InspectorPorts } from './settings.ts';
import { connectStatementStatistics } from './statements.ts';
import { summariseProfile } from './summary.ts';

/** Runs the end-to-end phase under the profilers, keeps the profiles, and says where the time went. */
export async function profileEndToEnd(
  bench: Workbench,
  inspectorPorts: InspectorPorts,
  orders: number,
  report: (message: string) => void,
): Promise<string> {
  const statements = await connectStatementStatistics(bench.system.postgresAdminUrl);
  try {
    const recordings = await Promise.all(
      Object.entries(inspectorPorts).map(
        async ([name, port]) => [name, await startCpuProfile(port)] as const,
      ),
    );
    await statements.reset();
    report(`End to end: ${orders.toLocaleString('en')} orders, with profilers`);
    const { seconds } = await measureEndToEnd(bench, orders);
    const statementTable = await statements.summarise(orders);
    const folder = join(benchDir, 'profiles');
    await mkdir(folder, { recursive: true });
    const summaries: string[] = [];
    for (const [name, stop] of recordings) {
      const profile = await stop();
      await writeFile(join(folder, `${name}.cpuprofile`), JSON.stringify(profile));
      summaries.push(summariseProfile(name, profile, orders));
    }
    return [
      `${orders.toLocaleString('en')} orders in ${seconds.toFixed(1)} s, slowed down by the profilers`,
      `For Chrome's developer tools: ${folder}`,
      ...summaries,
      'PostgreSQL',
      statementTable,
    ].join('\n\n');
  } finally {
    await statements.close();
  }
}
