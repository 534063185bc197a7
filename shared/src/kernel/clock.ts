/** Where the present comes from; the domain gets the time as a value. */
export type Clock = () => Date;

/** The wall clock of this machine. */
export const systemClock: Clock = () => new Date();
