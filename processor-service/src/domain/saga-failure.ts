/** Why a saga failed. Business reasons are not recoverable, technical ones are: a replay may succeed. */
export interface SagaFailure {
  readonly code: string;
  readonly message: string;
  readonly recoverable: boolean;
}
