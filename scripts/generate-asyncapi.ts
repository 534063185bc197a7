/**
 * Writes `docs/asyncapi.json`: `node scripts/generate-asyncapi.ts`. With `--check` it writes nothing and tells whether
 * the file is up to date and a valid AsyncAPI document, its examples included.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { buildAsyncApi } from '#shared/contracts/asyncapi.ts';
import { type OrderMessage, parseOrderMessage } from '#shared/contracts/order-events.ts';

const file = new URL('../docs/asyncapi.json', import.meta.url);
const published = new URL('../shared/src/contracts/published/', import.meta.url);

const names = (await readdir(published)).filter((name) => name.endsWith('.json')).sort();
const examples = await Promise.all(
  names.map(
    async (name): Promise<OrderMessage> => parseOrderMessage(await readFile(new URL(name, published))),
  ),
);
const wanted = `${JSON.stringify(buildAsyncApi(examples), null, 2)}\n`;

if (process.argv.includes('--check')) {
  const problems = await findProblems(await readFile(file, 'utf8'));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
  console.log('docs/asyncapi.json is valid, and what the contracts and the topology say');
} else {
  await writeFile(file, wanted);
  console.log('wrote docs/asyncapi.json');
}

async function findProblems(text: string): Promise<readonly string[]> {
  if (text !== wanted) return ['docs/asyncapi.json is not what the contracts say: npm run generate'];
  const { Parser } = await import('@asyncapi/parser');
  const { document, diagnostics } = await new Parser().parse(text);
  const errors = diagnostics
    .filter(({ severity }) => severity <= 1)
    .map(({ path, message }) => `${path.join('.')}: ${message}`);
  return document || errors.length > 0 ? errors : ['docs/asyncapi.json cannot be parsed'];
}
