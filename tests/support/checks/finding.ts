/** Something that must never be. */
export interface Finding {
  /** Which promise is broken. */
  readonly invariant: string;
  /** The order it is about, or whatever else it is about. */
  readonly subject: string;
  readonly what: string;
}

/** What one check finds; nothing, if the promise was kept. */
export type Flaws = Generator<Omit<Finding, 'invariant'>>;
