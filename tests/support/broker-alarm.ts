import { readFile } from 'node:fs/promises';
import { callNode } from '#scripts/local-stack/rabbitmq-call.ts';

/** The share of the memory of this machine from which on a RabbitMQ node takes no messages; its default is 0.4. */
export async function setMemoryLimit(nodePid: number, share: number): Promise<void> {
  await callNode({
    env: await environmentOf(nodePid),
    call: ['vm_memory_monitor', 'set_vm_memory_high_watermark', `[${share}]`],
    withinMs: 20_000,
  });
}

async function environmentOf(pid: number): Promise<NodeJS.ProcessEnv> {
  const entries = (await readFile(`/proc/${pid}/environ`, 'utf8'))
    .split('\0')
    .filter((entry) => entry !== '');
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}
