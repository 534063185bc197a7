import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where `npm start` keeps what it knows, unless LOCAL_STACK_DIR says otherwise. */
const usualFolder = fileURLToPath(new URL('../../../.local', import.meta.url));

const addresses = {
  broker: { variable: 'AMQP_URL', entry: 'amqpUrl' },
  database: { variable: 'PROCESSOR_DATABASE_URL', entry: 'processorDatabaseUrl' },
} as const;

/**
 * The URL of the broker or of processor_db: what the environment says, else what a running `npm start` does.
 *
 * @throws Error that tells how to say it.
 */
export async function findAddress(of: keyof typeof addresses): Promise<string> {
  const { variable, entry } = addresses[of];
  const given = process.env[variable];
  if (given) return given;
  const folder = process.env.LOCAL_STACK_DIR || usualFolder;
  try {
    return (JSON.parse(await readFile(join(folder, 'stack.json'), 'utf8')) as Record<string, string>)[
      entry
    ] as string;
  } catch (error) {
    throw new Error(`which ${of}? Set ${variable}, or run \`npm start\` first`, { cause: error });
  }
}
