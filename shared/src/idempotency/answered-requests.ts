/** Within which a key stands for one request: two callers may choose the same one. */
export interface IdempotencyScope {
  readonly caller: string;
  readonly operation: string;
  readonly key: string;
}

/** An answer as it went over the wire. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** That a request is being carried out, by whoever holds this. */
export interface Claim {
  readonly scope: IdempotencyScope;
  /** Tells it from claims to the same key that came before and have lapsed. */
  readonly claimedAt: Date;
}

export type Claimed =
  | { readonly outcome: 'claimed'; readonly claim: Claim }
  /** Somebody has claimed it and not answered yet. */
  | { readonly outcome: 'under way' }
  | { readonly outcome: 'answered'; readonly answer: KeptAnswer }
  /** The key stands for another request. */
  | { readonly outcome: 'reused' };

/** Requests with a key, and what they were answered. All of it may throw `DATABASE_UNAVAILABLE`. */
export interface AnsweredRequests {
  /** Takes a key that is free, has expired, or was claimed by somebody who never answered, until `lapsesAt`. */
  claim(
    scope: IdempotencyScope,
    request: { fingerprint: string; now: Date; lapsesAt: Date },
  ): Promise<Claimed>;
  /** Keeps the answer for repetitions, unless the claim has lapsed and somebody else has taken the key. */
  keep(claim: Claim, answer: KeptAnswer, expiresAt: Date): Promise<void>;
  /** Leaves no trace: the request may come again. */
  release(claim: Claim): Promise<void>;
  /** Deletes some of those that have expired by `now`; answers how many. */
  deleteExpired(now: Date, limit: number): Promise<number>;
}
