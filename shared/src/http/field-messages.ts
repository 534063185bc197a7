/**
 * What is wrong with a field, for whoever sent it. zod says of what is missing that it is of the wrong type, and tells it
 * apart in its text alone.
 *
 * @param code of zod's issue
 * @param message that zod has for it
 */
export function toFieldMessage(code: string, message: string): string {
  return code === 'invalid_type' && message.endsWith('received undefined') ? 'is required' : message;
}
