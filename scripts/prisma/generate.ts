/**
 * Generates the Prisma clients of both services, if they are not there yet or their schema changed since:
 * `node scripts/prisma/generate.ts`.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DatabaseName, databaseNames, describeDatabase, repositoryRoot } from './databases.ts';

const resolve = createRequire(import.meta.url).resolve;
const prismaManifest = resolve('prisma/package.json');
const prismaProgram = resolve('prisma/build/index.js');

/**
 * Brings the generated clients up to date and tells which ones had to be written. Costs a few milliseconds when
 * nothing changed.
 *
 * @throws Error with what Prisma says about a schema that it cannot read.
 */
export async function generateClients(): Promise<DatabaseName[]> {
  const written: DatabaseName[] = [];
  for (const database of databaseNames) {
    if (await generateClient(database)) written.push(database);
  }
  return written;
}

async function generateClient(database: DatabaseName): Promise<boolean> {
  const { schemaFile, generatedFolder } = describeDatabase(database);
  const stampFile = join(generatedFolder, '.stamp');
  const [schema, manifest] = await Promise.all([readFile(schemaFile), readFile(prismaManifest)]);
  const wanted = createHash('sha256').update(schema).update(manifest).digest('hex');
  if ((await readFile(stampFile, 'utf8').catch(() => undefined)) === wanted) return false;
  await runPrismaGenerate(schemaFile);
  await writeFile(stampFile, wanted);
  return true;
}

/**
 * Generating needs no engine, yet Prisma downloads its schema engine before any command unless it is told of a binary.
 * Any executable will do, for it is never run.
 */
async function runPrismaGenerate(schemaFile: string): Promise<void> {
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
    NO_COLOR: '1',
  };
  try {
    const options = { cwd: repositoryRoot, env };
    await promisify(execFile)(process.execPath, [prismaProgram, 'generate', '--schema', schemaFile], options);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const said = stderr?.trim() || String(error);
    throw new Error(`prisma generate failed for ${schemaFile}:\n${said}`, { cause: error });
  }
}

if (import.meta.main) {
  try {
    const written = await generateClients();
    console.log(
      written.length === 0
        ? 'Prisma clients are up to date'
        : `Prisma clients generated: ${written.join(', ')}`,
    );
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
