/** How much of the server one client may take up. */
export interface HttpLimits {
  readonly bodyBytes: number;
  /** Objects and lists inside each other in a JSON body. */
  readonly jsonDepth: number;
  /** Within which the head of a request has to arrive, and the whole of it. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long a connection may stand still with an answer that its client does not take. */
  readonly stallTimeoutMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  bodyBytes: 256 * 1024,
  jsonDepth: 20,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  stallTimeoutMs: 60_000,
};
