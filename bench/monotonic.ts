/** Milliseconds on the clock of the machine that never jumps. It is the same in all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
