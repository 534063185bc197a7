/**
 * Reads the rungs of the retry ladder: whole milliseconds, shortest first, separated by commas (`1000,5000,30000`).
 *
 * @throws RangeError naming what is wrong.
 */
export function parseRetryDelays(text: string): readonly number[] {
  const delays = text.split(',').map((part) => Number(part.trim()));
  const ascending = delays.every((delay, index) => index === 0 || delay > (delays[index - 1] as number));
  if (!ascending || delays.some((delay) => !Number.isSafeInteger(delay) || delay < 1)) {
    throw new RangeError(`"${text}" is not a list of growing whole milliseconds such as 1000,5000,30000`);
  }
  return delays;
}
