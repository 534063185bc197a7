import type { DeadLetterLog, DeadLetterWatch } from '../ports/dead-letter-log.ts';
import { summarize } from './dead-letter.ts';

export interface RecurrenceWatch extends DeadLetterWatch {
  /** Letters with this fingerprint are about to be sent back. */
  expect(fingerprint: string): void;
}

/**
 * Notices when a letter that a run sent back dies again of what letters of this run had died of. Another failure than
 * those is news about the message, not about the run.
 *
 * @param onRecurrence is told in words
 * @throws AppError `BROKER_UNAVAILABLE`
 */
export async function watchForRecurrence(options: {
  log: DeadLetterLog;
  runId: string;
  onRecurrence: (reason: string) => void;
}): Promise<RecurrenceWatch> {
  const { log, runId, onRecurrence } = options;
  const fingerprints = new Set<string>();
  const watch = await log.watch((message) => {
    const { id, errorCode, errorMessage, fingerprint, replayRun } = summarize(message);
    if (replayRun !== runId || !fingerprints.has(fingerprint)) return;
    onRecurrence(`${id} came back with fingerprint ${fingerprint}: ${errorCode}, ${errorMessage}`);
  });
  return {
    expect: (fingerprint) => void fingerprints.add(fingerprint),
    stop: watch.stop,
  };
}
