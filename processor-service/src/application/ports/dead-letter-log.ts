import type { IncomingMessage } from '#shared/messaging/message.ts';

/** Everything that is given up, at the moment when it is given up. */
export interface DeadLetterLog {
  /**
   * Calls `onLetter` with every message that dies from now on, its `queue` being the dead-letter queue it comes to
   * rest in. Resolves once nothing can be missed any more.
   *
   * @throws AppError `BROKER_UNAVAILABLE`
   */
  watch(onLetter: (message: IncomingMessage) => void): Promise<DeadLetterWatch>;
}

export interface DeadLetterWatch {
  stop(): Promise<void>;
}
