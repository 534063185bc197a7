import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findOrInstallRabbitmq } from '#scripts/local-stack/rabbitmq-installation.ts';

/** The share of the memory of this machine from which on a RabbitMQ node takes no messages; its default is 0.4. */
export async function setMemoryLimit(nodePid: number, share: number): Promise<void> {
  const { server } = await findOrInstallRabbitmq({ log: () => undefined });
  const command = join(dirname(server), 'rabbitmqctl');
  const env = await environmentOf(nodePid);
  await promisify(execFile)(command, ['set_vm_memory_high_watermark', String(share)], { env });
}

/** The command finds the node, and is let in by it, through the same settings that the node was started with. */
async function environmentOf(pid: number): Promise<NodeJS.ProcessEnv> {
  const entries = (await readFile(`/proc/${pid}/environ`, 'utf8'))
    .split('\0')
    .filter((entry) => entry !== '');
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}
