import { AppError } from '../kernel/errors.ts';

/** The entity tag of a version (RFC 9110, section 8.8.3). */
export function etagOf(version: number): string {
  return `"${version}"`;
}

const entityTags = /^\s*(W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(,\s*(W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*$/;

/**
 * Reads `If-Match` (RFC 9110, section 13.1.1): `*`, or entity tags, which are compared strongly, so that a weak one never
 * matches. The answer tells of a version whether the request still applies to it; without the header it applies to every
 * one.
 *
 * @throws AppError `VALIDATION_FAILED`
 */
export function readIfMatch(header: string | undefined): (version: number) => boolean {
  if (header === undefined || header.trim() === '*') return () => true;
  if (!entityTags.test(header)) {
    const message = 'must be * or entity tags such as "3"';
    throw new AppError({
      code: 'VALIDATION_FAILED',
      kind: 'rejected',
      message: `If-Match: ${message}`,
      data: { errors: [{ field: 'If-Match', message }] },
    });
  }
  const tags = new Set(header.split(',').map((tag) => tag.trim()));
  return (version) => tags.has(etagOf(version));
}
