import { z } from 'zod';

/**
 * Text of others that PostgreSQL can hold: well-formed Unicode without U+0000, which JSON allows and no column takes. What
 * is kept has to be asked for as this, so that other text is refused where it comes in, not by a statement that
 * would be tried again and again.
 */
export const storableText = z
  .string()
  .refine((value) => value.isWellFormed() && !value.includes('\u0000'), 'must be text that can be stored');
