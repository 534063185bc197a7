import { AppError } from '#shared/kernel/errors.ts';

/** A command line that cannot be meant. */
export function wrongUse(message: string): AppError {
  return new AppError({ code: 'VALIDATION_FAILED', kind: 'rejected', message });
}

/** @throws AppError `VALIDATION_FAILED` for empty values, which come from variables that are not set. */
export function requireSense(values: Readonly<Record<string, unknown>>, operands: readonly string[]): void {
  for (const [option, value] of Object.entries(values)) {
    if ([value].flat().includes('')) throw wrongUse(`--${option} is empty`);
  }
  if (operands.includes('')) throw wrongUse('an id is empty');
}

const longestText = 200;

/** @throws AppError `VALIDATION_FAILED` for what neither the audit nor a message can carry. */
export function readText(option: string, given: string): string {
  const value = given.trim();
  if (value === '' || value.length > longestText || !value.isWellFormed() || /\p{Cc}/u.test(value)) {
    throw wrongUse(`${option} has to be text of 1 to ${longestText} characters without control characters`);
  }
  return value;
}

/** What Node says about an option that does not exist, without its advice. */
export function tellWrongOption(error: unknown): string | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const isAboutOptions = typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
  return isAboutOptions && typeof message === 'string' ? message.split('. ')[0] : undefined;
}
