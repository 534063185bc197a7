/** A database cannot be prepared. The message is one sentence for the person at the terminal, without a stack trace. */
export class DatabaseSetupError extends Error {
  override readonly name = 'DatabaseSetupError';
}
