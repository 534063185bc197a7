/**
 * Writes Grafana's dashboards from their description in TypeScript: `node scripts/grafana/generate.ts`. With `--check` it
 * only tells whether they are up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { ordersSagaOverview } from './overview.ts';

const path = 'deploy/grafana/provisioning/dashboards/orders-saga-overview.json';
const file = new URL(`../../${path}`, import.meta.url);
const wanted = `${JSON.stringify(ordersSagaOverview(), null, 2)}\n`;

if (process.argv.includes('--check')) {
  if ((await readFile(file, 'utf8')) !== wanted) {
    console.error(`${path} is not what scripts/grafana/overview.ts says: npm run generate`);
    process.exit(1);
  }
  console.log(`${path} is what its description says`);
} else {
  await writeFile(file, wanted);
  console.log(`wrote ${path}`);
}
