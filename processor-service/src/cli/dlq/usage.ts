import { defaultPerSecond, mostPerSecond } from '../../application/dead-letters/replay-ramp.ts';

interface CommandUsage {
  readonly synopsis: string;
  readonly summary: string;
  readonly details?: string;
}

const filters = `Filters; a letter has to pass all of them, and those marked with * may be repeated:
  --queue <name> *        dead-letter queues to look into, otherwise all
  --type <type> *         such as order.created.v1
  --error <code> *        such as PAYMENT_UNAVAILABLE
  --group <fingerprint>   letters that failed alike; see groups
  --order <id>            letters about one order
  --after <time>          given up then or later, such as 2026-11-21T10:00Z
  --before <time>         given up earlier`;

const json = '  --json                  one JSON object per line';
const operator = '  --operator <name>       who does it; otherwise the user of this machine';

const commands: Readonly<Record<string, CommandUsage>> = {
  list: {
    synopsis: 'list [filters]',
    summary: 'the dead letters, oldest first',
    details: `${filters}\n${json}`,
  },
  groups: {
    synopsis: 'groups [filters]',
    summary: 'the same by what they failed of, the largest groups first',
    details: `${filters}\n${json}`,
  },
  show: {
    synopsis: 'show <id>',
    summary:
      'everything about one: why it failed, its history and body, its order and saga, what a replay would do',
    details: `  --queue <name> *        where to look for it, otherwise everywhere\n${json}`,
  },
  replay: {
    synopsis: 'replay <id>… | [filters] | --all',
    summary: 'send letters back to where they were first published',
    details: `Several go in growing batches, which halt by themselves when letters die of the same again.

  --dry-run               change nothing, and say for each letter what a replay would do
  --all                   all letters; has to be said if no filter is
  --rate <n>              letters a second at most, ${defaultPerSecond} unless said otherwise, up to ${mostPerSecond}
${operator}
${json} (with --dry-run)

${filters}`,
  },
  edit: {
    synopsis: 'edit <id> --file <json>',
    summary: 'send a letter back with another body, under a new id',
    details: `  --file <json>           the new body; show --json has the present one in content.body\n${operator}`,
  },
  discard: {
    synopsis: 'discard <id> --reason <text>',
    summary: 'delete a letter; what it was is kept in the audit',
    details: `  --reason <text>         why, for the audit\n${operator}`,
  },
  runs: { synopsis: 'runs', summary: 'the replays of several letters', details: json },
  resume: { synopsis: 'resume <run>', summary: 'go on with a replay that ended early', details: operator },
  stop: { synopsis: 'stop <run>', summary: 'end a replay after the batch under way', details: operator },
  actions: {
    synopsis: 'actions [--order <id>] [--message <id>] [--run <id>]',
    summary: 'what was done, by whom',
    details: json,
  },
};

const width = Math.max(...Object.values(commands).map(({ synopsis }) => synopsis.length));

const overview = `usage: npm run dlq -- <command>

${Object.values(commands)
  .map(({ synopsis, summary }) => `  ${synopsis.padEnd(width)}  ${summary}`)
  .join('\n')}

The id of a letter may be given by its end, as list shows it. More about a command: npm run dlq -- <command> --help

It finds the broker and the database of a running npm start; for others set AMQP_URL and PROCESSOR_DATABASE_URL.`;

/** How a command is used, or all of them, with a word about one that does not exist. */
export function usageOf(command: string | undefined): string {
  if (command === undefined) return overview;
  const known = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (!known) return `there is no command ${command}\n\n${overview}`;
  const { synopsis, summary, details } = known;
  return `usage: npm run dlq -- ${synopsis}\n\n${summary}${details ? `\n\n${details}` : ''}`;
}
