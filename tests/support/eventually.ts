/**
 * Repeats `look` until it neither throws nor answers `false`, and gives what it answered.
 *
 * @throws the last failure when that has not happened within `withinMs`.
 */
export async function eventually<T>(
  look: () => Promise<T> | T,
  options: { withinMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, false>> {
  const { withinMs = 15_000, everyMs = 20 } = options;
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== false) return seen as Exclude<T, false>;
      if (Date.now() > deadline) throw new Error(`not so within ${withinMs} ms`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
