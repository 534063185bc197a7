/** What one check finds; nothing, if the promise was kept. */
export type Flaws = Generator<{ readonly subject: string; readonly what: string }>;
