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
  /** Resolves once the broker has taken the message. */
  publish(message: OutgoingMessage): Promise<void>;
}
