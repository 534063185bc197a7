/** How many letters go back at once: a few to see what becomes of them, then more. */
const growth: readonly number[] = [1, 2, 5, 10, 20, 50, 100];

export const mostPerSecond = 1_000;
export const defaultPerSecond = 20;
/** No batch is larger than what the rate lets through in this time. */
const longestBatchSeconds = 2;

/** The growing sizes of batches under a rate; the last one is kept. */
export function batchSizes(ratePerSecond: number): readonly number[] {
  const cap = Math.max(1, Math.floor(ratePerSecond * longestBatchSeconds));
  return [...new Set(growth.map((size) => Math.min(size, cap)))];
}
