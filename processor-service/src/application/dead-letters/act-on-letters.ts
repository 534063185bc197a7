import { type AppError, toAppError } from '#shared/kernel/errors.ts';
import type { Failpoint } from '#shared/kernel/failpoints.ts';
import type { IncomingMessage, OutgoingMessage } from '#shared/messaging/message.ts';
import { correlationIdFrom } from '#shared/observability/correlation-id.ts';
import { isTraceparent, newTraceparent } from '#shared/observability/trace-context.ts';
import type { Audit, Trace } from '../audit.ts';
import type { DeadLetter } from '../ports/dead-letter-queues.ts';
import type { IntendedAction, OperatorAction } from '../ports/operator-actions.ts';

/** What is to be done to one letter that lies in its queue. */
export interface LetterAction {
  readonly letter: DeadLetter;
  readonly intent: IntendedAction;
  /** What is sent instead of it, if anything is, by the line of the audit that stands for it. */
  readonly toMessage?: (action: OperatorAction) => OutgoingMessage;
}

export interface LetterOutcome {
  readonly action: OperatorAction;
  /** Why the letter is still there. */
  readonly error?: AppError;
}

/**
 * Acts on a set of letters, in the one order in which nothing is lost and nothing happens twice: written down as
 * intended, sent and confirmed, written down as done, and only then removed. Whoever acts on the same letters after a
 * crash goes on where the audit ends; what may have been sent already is sent again as the same message.
 *
 * @throws AppError `DATABASE_UNAVAILABLE`: then the letters are still there, whatever was sent.
 */
export type ActOnLetters = (wanted: readonly LetterAction[]) => Promise<readonly LetterOutcome[]>;

export function createActOnLetters(dependencies: {
  audit: Audit;
  /** Resolves once the broker has taken the message. */
  publish: (message: OutgoingMessage) => Promise<void>;
  failpoint: Failpoint;
}): ActOnLetters {
  const { audit, publish, failpoint } = dependencies;

  async function send({ toMessage }: LetterAction, action: OperatorAction): Promise<AppError | undefined> {
    try {
      if (toMessage) await publish(toMessage(action));
      return undefined;
    } catch (error) {
      return toAppError(error);
    }
  }

  async function sendAll(open: readonly { action: OperatorAction; wanted: LetterAction }[]) {
    const sending = open.map(async ({ action, wanted }) => ({
      action,
      trace: traceOf(wanted.letter.message),
      error: await send(wanted, action),
    }));
    // By the next turn of the event loop the client has handed everything to the socket.
    setImmediate(() => failpoint('desk.after-publish'));
    return Promise.all(sending);
  }

  return async (wanted) => {
    const actions = await audit.intend(wanted.map(({ intent }) => intent));
    failpoint('desk.after-intent');
    // Copies of one letter share a line, and are sent once.
    const open = new Map(
      actions.flatMap((action, index) =>
        action.outcome === 'done' ? [] : [[action.id, { action, wanted: wanted[index] as LetterAction }]],
      ),
    );
    const sent = await sendAll([...open.values()]);
    failpoint('desk.after-confirm');
    await audit.done(sent.filter(({ error }) => error === undefined));
    const errors = new Map<number, AppError>();
    for (const { action, error } of sent) {
      if (!error) continue;
      errors.set(action.id, error);
      await audit.failed(action, error, { isUnknown: error.code === 'PUBLISH_UNCONFIRMED' });
    }
    failpoint('desk.after-audit');
    return actions.map((action, index) => {
      const error = errors.get(action.id);
      if (error) return { action, error };
      wanted[index]?.letter.remove();
      return { action: { ...action, outcome: 'done', error: null } };
    });
  };
}

/** What ties a letter to the request that set it off, as far as it tells. */
function traceOf(message: IncomingMessage): Trace {
  const correlationId = correlationIdFrom(message.correlationId);
  try {
    const { traceparent } = JSON.parse(message.body.toString('utf8')) as { traceparent?: unknown };
    if (isTraceparent(traceparent)) return { correlationId, traceparent };
  } catch {
    // Rubbish has no trace.
  }
  return { correlationId, traceparent: newTraceparent() };
}
