/** Why a saga failed. Business reasons are not recoverable, technical ones are: a replay may succeed. */
export interface SagaFailure {
  readonly code: string;
  readonly message: string;
  readonly recoverable: boolean;
}

/** Why an attempt failed. The saga goes on: later, or when somebody has looked into it. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
}
