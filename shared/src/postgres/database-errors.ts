import { AppError, toAppError } from '../kernel/errors.ts';

/** SQLSTATE codes, see PostgreSQL's appendix "Error Codes". */
const serializationFailure = '40001';
const deadlockDetected = '40P01';
const uniqueViolation = '23505';
/** It is stopping or starting, has ended the session, or only reads, as a standby does. */
const unavailableStates = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '25006']);
/** Connections; resources, such as the disk; the system around it. */
const unavailableClasses = ['08', '53', '58'];
const dataExceptionClass = '22';

const unavailableSocketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Prisma's codes for an unreachable, closed, silent or full database; it keeps to itself what the socket said. */
const unavailablePrismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2037']);
const otherPrismaCode = /^P[12]\d{3}$/;

/** What the driver says, without a SQLSTATE, about a connection that is gone or was never there. */
const connectionLostMessages = [
  'Connection terminated',
  'Client has encountered a connection error',
  'timeout exceeded when trying to connect',
  'Client was closed',
  'Query read timeout',
];

/** A transaction that lost against another one and may simply run again. */
export function isTransactionConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === serializationFailure || code === deadlockDetected;
}

/** @param constraint only of this one */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (codeOf(error) !== uniqueViolation) return false;
  return constraint === undefined || (error as { constraint?: unknown }).constraint === constraint;
}

/** The database is away, starting, stopping, full, or cannot write: nothing is wrong with the statement. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) {
    return (
      unavailableStates.has(code) ||
      unavailableClasses.some((sqlClass) => code.startsWith(sqlClass)) ||
      unavailableSocketCodes.has(code) ||
      unavailablePrismaCodes.has(code)
    );
  }
  return error instanceof Error && connectionLostMessages.some((text) => error.message.includes(text));
}

/** Translates what the driver or Prisma threw; an {@link AppError} stays what it is. */
export function fromDatabaseError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDatabaseUnavailable(error)) {
    return new AppError({
      code: 'DATABASE_UNAVAILABLE',
      kind: 'unavailable',
      message: 'the database cannot be reached',
      cause: error,
    });
  }
  if (isTransactionConflict(error)) {
    return new AppError({
      code: 'CONCURRENT_UPDATE',
      kind: 'conflict',
      message: 'another transaction changed the same rows',
      cause: error,
    });
  }
  if (codeOf(error)?.startsWith(dataExceptionClass)) {
    return new AppError({
      code: 'INTERNAL',
      kind: 'permanent',
      message: 'the database cannot hold or read a value',
      cause: error,
    });
  }
  // What was thrown between the statements is no word of the database.
  if (error instanceof Error && !('code' in error)) return toAppError(error);
  return new AppError({
    code: 'INTERNAL',
    kind: 'transient',
    message: 'a database statement failed',
    cause: error,
  });
}

/** Runs a statement outside a transaction and translates what it throws. */
export async function withDatabaseErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromDatabaseError(error);
  }
}

/** The nearest code that says something, at the error or what is behind it; Prisma has the driver's error in `meta`. */
function codeOf(error: unknown): string | undefined {
  for (let current = error, depth = 0; current && depth < 5; depth += 1) {
    const { code, originalCode, cause, meta } = current as {
      code?: unknown;
      originalCode?: unknown;
      cause?: unknown;
      meta?: { driverAdapterError?: unknown };
    };
    const found = [originalCode, code].find(
      (value) =>
        typeof value === 'string' && (unavailablePrismaCodes.has(value) || !otherPrismaCode.test(value)),
    );
    if (typeof found === 'string') return found;
    current = cause ?? meta?.driverAdapterError;
  }
  return undefined;
}
