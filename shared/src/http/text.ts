import { z } from 'zod';

/**
 * Text that a client may give something, of 1 to `longest` characters: what PostgreSQL, JSON and a terminal can hold, which
 * is well-formed Unicode without control characters. Blanks around it do not count.
 */
export function text(longest: number) {
  return z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(longest)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not contain control characters');
}
