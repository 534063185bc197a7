/** How long a receiver asks to be left alone, in milliseconds: RFC 9110, seconds or a date. Nonsense is `undefined`. */
export function readRetryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) || /^[\d.+-]*$/.test(header) ? undefined : Math.max(0, at - now.getTime());
}
