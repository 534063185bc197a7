import type { OutboxRow } from '#shared/outbox/outbox-message.ts';

/** What an operator wants to do, as it is written down before anything happens. */
export interface IntendedAction {
  readonly action: 'replay' | 'edit' | 'discard' | 'resume';
  readonly operator: string;
  readonly reason?: string | undefined;
  /** The letter that it is done to; absent for what is done to a saga. */
  readonly letter?: LetterKey | undefined;
  /** The order concerned, where that is known. */
  readonly orderId?: string | undefined;
  readonly type?: string | undefined;
  readonly errorCode?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly replayRunId?: string | undefined;
  /** Id of the message that takes its place. */
  readonly replacedBy?: string | undefined;
  /** What would otherwise be gone. */
  readonly original?: OriginalLetter | undefined;
}

/** What tells a letter from all others: a message leaves a new one each time it dies. */
export interface LetterKey {
  readonly messageId: string;
  readonly queue: string;
  /** The count that the message carries after it was sent from here again. */
  readonly replayCount: number;
  readonly failedAt: Date | null;
  /** Of its body and its way: foreign messages may share an id and nothing else. */
  readonly digest: string;
}

/** A letter as it was. A body that is no text is in base64. */
export interface OriginalLetter {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly encoding: 'utf8' | 'base64';
}

/** A line of the audit. `intended` with an error: it is not known whether it took place. */
export interface OperatorAction extends IntendedAction {
  readonly id: number;
  readonly outcome: 'intended' | 'done' | 'failed';
  readonly error: string | null;
  readonly at: Date;
}

export interface ActionFilter {
  readonly orderId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly replayRunId?: string | undefined;
}

/** The audit. Every method may throw `DATABASE_UNAVAILABLE`. */
export interface OperatorActions {
  /**
   * Writes down what is about to be done, in one transaction; answers in the order of the request. What somebody has
   * intended or done to the same letter before is answered as it stands, with who began it, and gets no second line.
   */
  intend(actions: readonly IntendedAction[], at: Date): Promise<readonly OperatorAction[]>;
  /**
   * In one transaction: the actions are done, their announcements are in the outbox, and the runs they belong to have
   * counted them. What was done already is neither announced nor counted again.
   *
   * @param announcements by their `sequence`, which is the id of the action
   */
  complete(ids: readonly number[], announcements: readonly OutboxRow[]): Promise<void>;
  /** Notes why. `failed` for sure, or `intended` still, when it is not known whether it took place. */
  fail(ids: readonly number[], outcome: 'failed' | 'intended', error: string): Promise<void>;
  /** The latest ones first. */
  list(filter: ActionFilter & { readonly limit: number }): Promise<readonly OperatorAction[]>;
  /** The edit of `messageId` that led to `replacedBy`, if it was done. */
  findEdit(messageId: string, replacedBy: string): Promise<OperatorAction | undefined>;
}
