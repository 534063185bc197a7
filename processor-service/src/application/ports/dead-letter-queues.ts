import type { IncomingMessage, OutgoingMessage } from '#shared/messaging/message.ts';

/** A dead letter in its queue. */
export interface DeadLetter {
  readonly message: IncomingMessage;
  /** Takes it out of the queue for good, when the iteration that it came from ends. */
  remove(): void;
}

/** The dead-letter queues of the broker. */
export interface DeadLetterQueues {
  /**
   * Every message of a queue once, oldest first; what is not removed stays. Whoever browses the same queue meanwhile
   * waits: be quick, and end the iteration.
   *
   * @param options.expected after how many letters the caller is likely to break off
   * @throws AppError `QUEUE_NOT_FOUND`, `QUEUE_BUSY`, `BROKER_UNAVAILABLE`, `DATABASE_UNAVAILABLE`; what was to be removed
   * may still be there then.
   */
  browse(queue: string, options?: { expected?: number }): AsyncIterable<DeadLetter>;
  /** Makes sure that what these queues hold finds its way back to their work queues when it is published again. */
  restoreBindings(queues: readonly string[]): Promise<void>;
  /** Resolves once the broker has taken the message. */
  publish(message: OutgoingMessage): Promise<void>;
}
