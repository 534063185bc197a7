import type { z } from 'zod';
import { toFieldMessage } from '#shared/http/field-messages.ts';
import { AppError } from '#shared/kernel/errors.ts';

/** Fields that are called otherwise here than where the rules about them stand. */
const renamed: Readonly<Record<string, string>> = {
  id: 'order_id',
  limit: 'page_size',
  cursor: 'page_token',
  payment: 'payment_mode',
  amountMinor: 'amount.amount_minor',
};

/** The path of a field as the .proto has it: `items.0.unitPrice.amountMinor` is `items[0].unit_price.amount_minor`. */
export function toRequestField(path: string): string {
  return (
    renamed[path] ??
    path.replace(/\.(\d+)(?=\.|$)/g, '[$1]').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  );
}

/**
 * Reads a part of a request by the same rules as the REST API.
 *
 * @throws AppError `VALIDATION_FAILED` naming every wrong field.
 */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, code, message }) => ({
    field: path.join('.'),
    message: toFieldMessage(code, message),
  }));
  throw invalid(errors);
}

export function invalid(errors: readonly { field: string; message: string }[]): AppError {
  return new AppError({
    code: 'VALIDATION_FAILED',
    kind: 'rejected',
    message: errors.map(({ field, message }) => `${field}: ${message}`).join('; '),
    data: { errors },
  });
}
