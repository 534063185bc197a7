import type { IncomingMessage, OutgoingMessage } from '#shared/messaging/message.ts';

/** A dead letter in its queue. */
export interface DeadLetter {
  readonly message: IncomingMessage;
  /** Takes it out of the queue for good. */
  remove(): void;
}

/** The dead-letter queues of the broker. */
export interface DeadLetterQueues {
  /** Every message of a queue once, oldest first; what is not removed stays. @throws AppError `QUEUE_NOT_FOUND` */
  browse(queue: string): AsyncIterable<DeadLetter>;
  /** Makes sure that what these queues hold finds its way back to their work queues when it is published again. */
  restoreBindings(queues: readonly string[]): Promise<void>;
  /** Resolves once the broker has taken the message. */
  publish(message: OutgoingMessage): Promise<void>;
}
