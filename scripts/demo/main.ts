/**
 * `npm run demo`: plays what can happen to orders against the system that `npm start` runs, and shows it. Exit code 1
 * when a story does not come out as it has to, or when no system runs; 2 for a command line that is wrong; 130 when
 * interrupted.
 */
import { parseArgs } from 'node:util';
import { localFolder } from '#scripts/local-stack/local-folder.ts';
import { StackError } from '#scripts/local-stack/stack-error.ts';
import { onStopRequest } from '#scripts/local-stack/stop-request.ts';
import { createNarrator } from './narrator.ts';
import { findRunningSystem } from './running-system.ts';
import { setStage } from './stage.ts';
import { stories, storiesNamed } from './stories.ts';
import type { Stage, Story } from './story.ts';
import { StoryFailed } from './story-failed.ts';

const usage = `usage: npm run demo                       plays all stories
       npm run demo -- happy declined     plays some
       npm run demo -- --list             lists them`;

const narrator = createNarrator((line) => console.log(line));
const leaving = new AbortController();
onStopRequest({ first: () => leaving.abort(), again: () => process.exit(130) });
// Whoever reads the output may have seen enough, as `head` has.
process.stdout.on('error', () => leaving.abort());

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  let chosen: readonly Story[];
  try {
    const { values, positionals } = readArguments(args);
    if (values.help) return tell(usage);
    if (values.list) return list();
    chosen = storiesNamed(positionals);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  try {
    const dir = localFolder(process.env);
    const system = await findRunningSystem(dir);
    return await play(chosen, await setStage({ dir, system, narrator, leaving: leaving.signal }));
  } catch (error) {
    if (leaving.signal.aborted) return interrupted();
    if (!(error instanceof StackError || error instanceof StoryFailed)) throw error;
    console.error(error.message);
    return 1;
  }
}

function readArguments(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { list: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
}

function tell(text: string): number {
  narrator.say(text);
  return 0;
}

function list(): number {
  const width = Math.max(...stories.map(({ name }) => name.length));
  for (const { name, title } of stories) narrator.say(`${name.padEnd(width)}  ${title}`);
  return 0;
}

/** One after the other; the rest is played although one failed. */
async function play(chosen: readonly Story[], stage: Stage): Promise<number> {
  const results: Result[] = [];
  for (const [index, story] of chosen.entries()) {
    narrator.title(`${index + 1}/${chosen.length}  ${story.title}`, story.plot);
    const result = await playOne(story, stage);
    if (leaving.signal.aborted) return interrupted();
    results.push(result);
  }
  const count = (result: Result) => results.filter((each) => each === result).length;
  const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : '';
  const seconds = (performance.now() / 1000).toFixed(0);
  narrator.say(
    `\n${count('came out')} of ${chosen.length} stories came out as they have to${skipped}, in ${seconds} s`,
  );
  return count('failed') > 0 ? 1 : 0;
}

type Result = 'came out' | 'failed' | 'skipped';

async function playOne(story: Story, stage: Stage): Promise<Result> {
  const obstacle = story.cannotPlay?.(stage);
  if (obstacle !== undefined) {
    narrator.remark(`not played: ${obstacle}`);
    return 'skipped';
  }
  try {
    await story.play(stage);
    return 'came out';
  } catch (error) {
    if (leaving.signal.aborted) return 'failed';
    if (!(error instanceof StackError || error instanceof StoryFailed)) throw error;
    narrator.failed(`${error.message}${await likelyCause(stage)}`);
    return 'failed';
  }
}

/** A line about what somebody told the payment sandbox and forgot, if that is so. */
async function likelyCause({ provider }: Stage): Promise<string> {
  const scenario = await provider.forcedScenario().catch(() => null);
  if (scenario === null) return '';
  return `\nthe payment sandbox is told to play ${scenario}; DELETE /scenario ends that`;
}

function interrupted(): number {
  narrator.say('\nInterrupted. Nothing stays disturbed: npm start brings back its broker by itself.');
  return 130;
}
