import type { Clock } from '#shared/kernel/clock.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import { createAudit } from '../audit.ts';
import type { DeadLetterLog } from '../ports/dead-letter-log.ts';
import type { DeadLetterQueues } from '../ports/dead-letter-queues.ts';
import type { ActionFilter, OperatorAction, OperatorActions } from '../ports/operator-actions.ts';
import type { ReplayRuns } from '../ports/replay-runs.ts';
import { createActOnLetters } from './act-on-letters.ts';
import { createActOnOne } from './act-on-one.ts';
import { createDiscardLetter, type DiscardLetter } from './discard-letter.ts';
import { createEditLetter, type EditLetter } from './edit-letter.ts';
import { createReplayLetter, createReplayLetters, type ReplayLetter } from './replay-letters.ts';
import { type CarryOutRun, createCarryOutRun } from './replay-run.ts';
import { createReplays, type Replays } from './replays.ts';

/** Everything an operator can do about dead letters; looking at them is the desk's other half. */
export interface DeadLetterActions {
  readonly replay: ReplayLetter;
  readonly edit: EditLetter;
  readonly discard: DiscardLetter;
  readonly replays: Replays;
  readonly carryOut: CarryOutRun;
  /** What was done, the latest first. */
  history(filter: ActionFilter & { readonly limit: number }): Promise<readonly OperatorAction[]>;
}

export function createDeadLetterActions(dependencies: {
  deadLetters: DeadLetterQueues;
  log: DeadLetterLog;
  runs: ReplayRuns;
  actions: OperatorActions;
  clock: Clock;
  failpoint: Failpoint;
  /** Called when there is something new in the outbox. */
  announce?: () => void;
  settleMs?: number;
}): DeadLetterActions {
  const { deadLetters, actions, runs, clock } = dependencies;
  const audit = createAudit(dependencies);
  const actOnLetters = createActOnLetters({ ...dependencies, audit, publish: deadLetters.publish });
  const actOnOne = createActOnOne({ deadLetters, actOnLetters, actions });
  const replayLetters = createReplayLetters({ actOnLetters });
  return {
    replay: createReplayLetter({ actOnOne }),
    edit: createEditLetter({ actOnOne, actions }),
    discard: createDiscardLetter({ actOnOne }),
    replays: createReplays({ runs, audit, clock }),
    carryOut: createCarryOutRun({ ...dependencies, replayLetters }),
    history: actions.list,
  };
}
