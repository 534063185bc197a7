import type { AppError } from '../kernel/errors.ts';
import type { IncomingMessage } from './message.ts';

/** What a service does with the messages of one queue. */
export interface MessageHandler {
  /**
   * The effect. Returning means that it is durable, throwing that it is not; `duplicate` that it was so before, and
   * that nothing has changed.
   */
  handle(message: IncomingMessage): Promise<'duplicate' | void>;
  /**
   * The last word on a message before it goes to the dead-letter queue: undo what is half done, tell who waits. Answers
   * `done` when there turns out to be nothing to give up. What it throws keeps the message waiting, unless no repetition
   * helps, or nobody knows what it is and it has been thrown for as long as a message may wait: then the message goes to
   * the dead-letter queue all the same, and whatever is left half done has to be found by other means.
   */
  giveUp?(message: IncomingMessage, error: AppError): Promise<'park' | 'done'>;
}
