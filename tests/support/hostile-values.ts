/** Values that nobody has asked for, and that every server meets one day. */
export const hostileValues: readonly unknown[] = [
  null,
  '',
  ' ',
  '\u0000',
  '\ud800',
  'x'.repeat(5_000),
  '../..',
  "' OR 1=1 --",
  '%00',
  -1,
  0,
  0.5,
  1e308,
  2 ** 53,
  Number.MAX_SAFE_INTEGER,
  [],
  {},
  true,
];

/** What may stand where this value stands. */
export function hostileVariants(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null
    ? [...hostileValues, ...withHostilePart(value)]
    : hostileValues;
}

/**
 * The whole with each part of it in turn replaced by everything that may stand in its place.
 *
 * @param variantsOf looks into a part as well, for parts of parts
 */
export function withHostilePart<Whole extends object>(
  whole: Whole,
  variantsOf: (part: unknown) => readonly unknown[] = hostileVariants,
): readonly Whole[] {
  return Object.entries(whole).flatMap(([name, part]) =>
    variantsOf(part).map((variant) =>
      Array.isArray(whole) ? (whole.with(Number(name), variant) as Whole) : { ...whole, [name]: variant },
    ),
  );
}
