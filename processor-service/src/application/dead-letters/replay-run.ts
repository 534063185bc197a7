import type { Clock } from '#shared/kernel/clock.ts';
import { sleep } from '#shared/kernel/sleep.ts';
import type { DeadLetterLog } from '../ports/dead-letter-log.ts';
import type { DeadLetter, DeadLetterQueues } from '../ports/dead-letter-queues.ts';
import type { ReplayRun, ReplayRunEnd, ReplayRuns } from '../ports/replay-runs.ts';
import { aboutLetter } from './about-letter.ts';
import type { LetterOutcome } from './act-on-letters.ts';
import { summarize } from './dead-letter.ts';
import { type RecurrenceWatch, watchForRecurrence } from './recurrence.ts';
import type { ReplayLetters } from './replay-letters.ts';
import { batchSizes } from './replay-ramp.ts';
import { matches } from './selection.ts';
import { takeLetters } from './take-letters.ts';

/** How far a run is, after each batch. */
export interface ReplayProgress {
  /** What is done since this process carries the run out. */
  readonly letters: number;
  readonly batch: number;
  readonly perSecond: number;
}

export interface CarryOutOptions {
  readonly operator: string;
  /** Ends the run after the batch under way and leaves it to be resumed. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReplayProgress) => void;
}

/**
 * Carries a run out: batch after batch, each a pass over a queue that holds nothing when it is over, until nothing is
 * left that was dead when the run began. Halts when what it sent back dies of the same again.
 *
 * @throws AppError when the broker or the database is away; then the run is left to be resumed as well
 */
export type CarryOutRun = (run: ReplayRun, options: CarryOutOptions) => Promise<void>;

interface Dependencies {
  readonly deadLetters: DeadLetterQueues;
  readonly log: DeadLetterLog;
  readonly runs: ReplayRuns;
  readonly replayLetters: ReplayLetters;
  readonly clock: Clock;
  /** How long a batch is watched before the next one, while batches grow. */
  readonly settleMs?: number;
}

const beatEveryMs = 3_000;
const defaultSettleMs = 1_000;

export function createCarryOutRun(dependencies: Dependencies): CarryOutRun {
  const { log, runs, clock } = dependencies;
  return async (run, options) => {
    const { signal } = options;
    const brake = createBrake();
    const work = new RunUnderWay(dependencies, run, options, brake);
    const leave = (): void => brake.endAs('left');
    signal?.addEventListener('abort', leave);
    if (signal?.aborted) leave();
    // A sign of life that fails is none; what the database has against it, the next batch will say.
    const beats = setInterval(() => void work.beat().catch(() => undefined), beatEveryMs);
    let recurrence: RecurrenceWatch | undefined;
    try {
      const onRecurrence = (reason: string): void => brake.endAs({ status: 'halted', reason });
      recurrence = await watchForRecurrence({ log, runId: run.id, onRecurrence });
      await work.replayAll(recurrence);
    } catch (error) {
      leave();
      throw error;
    } finally {
      clearInterval(beats);
      signal?.removeEventListener('abort', leave);
      await recurrence?.stop();
      const ending = brake.ending();
      if (ending === 'left') await runs.leave(run.id, clock()).catch(() => undefined);
      else if (ending && ending !== 'ended') await runs.end(run.id, { ...ending, at: clock() });
    }
  };
}

/** `left`: somebody may resume it. `ended`: somebody else has ended it meanwhile. */
type Ending = ReplayRunEnd | 'left' | 'ended';

/** What ends a run, first come, first served; whoever waits meanwhile wakes up. */
interface Brake {
  endAs(ending: Ending): void;
  ending(): Ending | undefined;
  wait(milliseconds: number): Promise<void>;
}

function createBrake(): Brake {
  const alarm = new AbortController();
  let ending: Ending | undefined;
  return {
    endAs(how) {
      ending ??= how;
      alarm.abort();
    },
    ending: () => ending,
    wait: (milliseconds) => sleep(milliseconds, alarm.signal),
  };
}

class RunUnderWay {
  readonly #dependencies: Dependencies;
  readonly #run: ReplayRun;
  readonly #options: CarryOutOptions;
  readonly #brake: Brake;
  readonly #sizes: readonly number[];
  readonly #settleMs: number;
  readonly #beganAt = Date.now();
  /** Letters that cannot be sent, whatever is tried, by the line of the audit that says so. */
  readonly #refused = new Map<string, string>();
  #batches = 0;
  #letters = 0;

  constructor(dependencies: Dependencies, run: ReplayRun, options: CarryOutOptions, brake: Brake) {
    this.#dependencies = dependencies;
    this.#run = run;
    this.#options = options;
    this.#brake = brake;
    this.#sizes = batchSizes(run.ratePerSecond);
    this.#settleMs = dependencies.settleMs ?? defaultSettleMs;
  }

  /** Says that somebody carries the run out, and notices when somebody else has ended it. */
  async beat(): Promise<void> {
    const { runs, clock } = this.#dependencies;
    const goesOn = await runs.beat(this.#run.id, { at: clock(), batchSize: this.#batchSize() });
    if (!goesOn) this.#brake.endAs('ended');
  }

  async replayAll(recurrence: RecurrenceWatch): Promise<void> {
    const { queues } = this.#run.selection;
    await this.#dependencies.deadLetters.restoreBindings(queues);
    for (const queue of queues) {
      while (!this.#brake.ending() && (await this.#replayBatch(queue, recurrence)));
    }
    // Large batches follow each other without a pause; the last ones have not been watched yet.
    if (!this.#isGrowing()) await this.#brake.wait(this.#settleMs);
    this.#brake.endAs({ status: 'finished', reason: this.#whatIsLeft() });
  }

  /** `false`: the queue holds nothing any more for this run. */
  async #replayBatch(queue: string, recurrence: RecurrenceWatch): Promise<boolean> {
    await this.beat();
    if (this.#brake.ending()) return false;
    const { deadLetters } = this.#dependencies;
    const startedAt = Date.now();
    const outcomes = await takeLetters(deadLetters, {
      queue,
      most: this.#batchSize(),
      isWanted: (letter) => isPartOf(this.#run, letter) && !this.#refused.has(nameOf(letter)),
      act: (letters) => {
        for (const { message } of letters) recurrence.expect(summarize(message).fingerprint);
        return this.#send(letters);
      },
    });
    if (!outcomes) return false;
    this.#account(outcomes);
    const paceMs = (outcomes.length / this.#run.ratePerSecond) * 1_000;
    const restMs = Math.max(paceMs, this.#isGrowing() ? this.#settleMs : 0) - (Date.now() - startedAt);
    this.#batches += 1;
    if (restMs > 0) await this.#brake.wait(restMs);
    return true;
  }

  async #send(letters: readonly DeadLetter[]): Promise<readonly LetterOutcome[]> {
    const { operator } = this.#options;
    const outcomes = await this.#dependencies.replayLetters(letters, { operator, runId: this.#run.id });
    outcomes.forEach(({ error }, index) => {
      if (error?.kind === 'rejected') this.#refused.set(nameOf(letters[index] as DeadLetter), error.message);
    });
    return outcomes;
  }

  #whatIsLeft(): string | null {
    const [first] = this.#refused.values();
    return first === undefined ? null : `${this.#refused.size} could not be sent, because ${first}`;
  }

  #account(outcomes: readonly LetterOutcome[]): void {
    this.#letters += outcomes.filter(({ error }) => !error).length;
    const seconds = Math.max(0.001, (Date.now() - this.#beganAt) / 1_000);
    const perSecond = this.#letters / seconds;
    this.#options.onProgress?.({ letters: this.#letters, batch: outcomes.length, perSecond });
    // One letter that cannot be sent is no reason to keep the others.
    const error = outcomes.find((outcome) => outcome.error && outcome.error.kind !== 'rejected')?.error;
    if (error?.kind === 'unavailable') throw error;
    if (error) this.#brake.endAs({ status: 'halted', reason: error.message });
  }

  #batchSize(): number {
    return this.#sizes[Math.min(this.#batches, this.#sizes.length - 1)] as number;
  }

  #isGrowing(): boolean {
    return this.#batches < this.#sizes.length;
  }
}

/** Letters that were dead when the run began, and that it has not sent back itself. */
function isPartOf(run: ReplayRun, { message }: DeadLetter): boolean {
  const letter = summarize(message);
  const wasDead = letter.failedAt === undefined || new Date(letter.failedAt) <= run.startedAt;
  return wasDead && letter.replayRun !== run.id && matches(run.selection, letter);
}

/** What tells a letter from the others of its queue, also from one that goes by the same id. */
function nameOf({ message }: DeadLetter): string {
  const { letter } = aboutLetter(message);
  return JSON.stringify(letter);
}
