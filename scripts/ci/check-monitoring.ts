/**
 * Asks those that look at the system whether they see it: `node check-monitoring.ts [NAME=URL…] [--processors N]`, where
 * the names are console (of RabbitMQ, as operator), prometheus, grafana and jaeger. The passwords come from the standard
 * input, a JSON object. Exits with 1 when one of them does not see in time what it should.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const timeoutMs = 90_000;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { processors: { type: 'string', default: '1' } },
});
const passwords = JSON.parse(await readFile('/dev/stdin', 'utf8')) as Record<string, string>;

/** What each of them is asked. Throws what is not as it should be, and says what it saw otherwise. */
const questions: Readonly<Record<string, (url: string) => Promise<string>>> = {
  async console(url) {
    const credentials = Buffer.from(`operator:${passwords['operator']}`).toString('base64');
    const queues = await ask<{ name: string }[]>(url, 'api/queues', {
      authorization: `Basic ${credentials}`,
    });
    if (queues.length === 0) throw new Error('it has no queues');
    return `the operator sees ${queues.length} queues`;
  },

  async prometheus(url) {
    const { data } = await ask<{ data: { activeTargets: Target[] } }>(url, 'api/v1/targets');
    const targets = data.activeTargets;
    const down = targets.filter(({ health }) => health !== 'up');
    const seen = targets.map(({ labels }) => labels.job).sort();
    const wanted = ['order-service', ...Array<string>(Number(values.processors)).fill('processor-service')];
    if (down.length > 0 || seen.join() !== wanted.join()) throw new Error(JSON.stringify(targets));
    const { data: loaded } = await ask<{ data: { groups: RuleGroup[] } }>(url, 'api/v1/rules');
    const rules = loaded.groups.flatMap((group) => group.rules);
    const bad = rules.filter(({ health }) => health !== 'ok');
    if (rules.length === 0 || bad.length > 0)
      throw new Error(`${rules.length} rules, not ok: ${JSON.stringify(bad)}`);
    return `up are ${seen.join(', ')}; ${rules.length} rules are evaluated`;
  },

  async grafana(url) {
    const dashboards = await ask<{ title: string }[]>(url, 'api/search?type=dash-db');
    if (dashboards.length === 0) throw new Error('it has no dashboard');
    return `everybody may see ${dashboards.map(({ title }) => title).join(', ')}`;
  },

  async jaeger(url) {
    const { data } = await ask<{ data: string[] | null }>(url, 'api/services');
    return `it answers and knows ${data?.length ?? 0} services`;
  },
};

interface Target {
  readonly labels: { readonly job: string };
  readonly health: string;
  readonly lastError: string;
}

interface RuleGroup {
  readonly rules: readonly { readonly name: string; readonly health: string; readonly lastError?: string }[];
}

async function ask<Answer>(url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(new URL(path, url), { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}

async function askUntil(deadline: number, question: () => Promise<string>): Promise<string> {
  for (;;) {
    try {
      return await question();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await delay(500);
  }
}

for (const positional of positionals) {
  const [name = '', url = ''] = positional.split(/=(.*)/s);
  const question = questions[name];
  if (question === undefined) throw new Error(`${name}: there is no such question`);
  console.log(`${name}: ${await askUntil(Date.now() + timeoutMs, () => question(url))}`);
}
