/**
 * Something that the person at the terminal can put right: a missing program, a port that is taken, a stack that
 * already runs. The message is one complete sentence for that person and is shown without a stack trace.
 */
export class StackError extends Error {
  override readonly name = 'StackError';
}
