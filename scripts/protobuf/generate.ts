/**
 * Writes what the order-service is made of out of `proto/`: TypeScript and the descriptors that reflection shows. With
 * `--check` it only tells whether they are up to date. `node scripts/protobuf/generate.ts`.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
const folder = 'order-service/src/grpc/protobuf';
/** Of the standard health service, whose package has no descriptors that strict clients understand. */
const healthProtocol = 'node_modules/grpc-health-check/proto';
const buf = join(dirname(createRequire(import.meta.url).resolve('@bufbuild/buf/package.json')), 'bin/buf');

/** Generates everything into the folder that lies at the same place below `root`. */
async function generateInto(root: string): Promise<void> {
  await runBuf('generate', '--include-imports', '--output', root);
  const sets = [await descriptorsOf('--path', 'proto/oms'), await descriptorsOf(healthProtocol)];
  // One set of descriptors behind the other is one set.
  await writeFile(join(root, folder, 'descriptors.binpb'), Buffer.concat(sets));
}

async function descriptorsOf(...what: string[]): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'order-processor-descriptors-'));
  try {
    const output = join(dir, 'set.binpb');
    await runBuf('build', ...what, '--as-file-descriptor-set', '--output', output);
    return await readFile(output);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runBuf(...args: string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [buf, ...args], { cwd: repositoryRoot });
}

async function filesIn(root: string): Promise<Map<string, string>> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(paths.map((path) => readFile(path, 'base64')));
  return new Map(paths.map((path, index) => [relative(root, path), contents[index] ?? '']));
}

async function isUpToDate(): Promise<boolean> {
  const root = await mkdtemp(join(tmpdir(), 'order-processor-protobuf-'));
  try {
    await generateInto(root);
    const [wanted, present] = await Promise.all([filesIn(root), filesIn(repositoryRoot)]);
    return wanted.size === present.size && [...wanted].every(([path, text]) => present.get(path) === text);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

if (!process.argv.includes('--check')) {
  await generateInto(repositoryRoot);
  console.log(`wrote ${folder}`);
} else if (await isUpToDate()) {
  console.log(`${folder} is what proto/ says`);
} else {
  console.error(`${folder} is not what proto/ says: npm run generate`);
  process.exitCode = 1;
}
