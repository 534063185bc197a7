import { v7 } from 'uuid';

/** A new identifier: UUID version 7 (RFC 9562), which sorts by creation time and keeps indexes compact. */
export function newId(): string {
  return v7();
}
