/**
 * Everything that can be made to go wrong, in one table: the provider plays it, the README shows it (a test compares
 * them), the OpenAPI document lists the names.
 */

export const OPERATIONS = ['charge', 'capture', 'void', 'refund', 'cancel', 'lookup'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** How long a scenario waits, in milliseconds; see `config.ts`. */
export interface Delays {
  slow: number;
  verySlow: number;
}

/** How a call ends without a proper answer. `silence`: nothing ever comes until the caller hangs up. */
export type FaultKind = 'error' | 'busy' | 'silence' | 'reset';

export interface Scenario {
  name: string;
  /** The exact total, in minor units of any currency, that plays it. */
  amountMinor: number;
  /** The calls it disturbs when it is asked for by header or forced; an amount disturbs only the first kind of call. */
  affects: 'charge' | 'compensation' | 'every call';
  meaning: string;
  /** Held up on the way: until then the provider does not know the key. */
  arrivesAfter?: keyof Delays;
  /** Held up by the provider: until then the key is in flight. */
  waits?: keyof Delays | 'release';
  /** Refuses with this reason. */
  declines?: string;
  /** Instead of doing what was asked. */
  instead?: FaultKind;
  /** After it was done and recorded, in place of the answer. */
  afterwards?: FaultKind;
  /** Only the first calls with a key are disturbed. */
  times?: number;
}

/** An amount is 666 followed by the HTTP status that comes to mind: 6664.02 is declined, 6665.04 is a timeout too late. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'declined_insufficient_funds',
    amountMinor: 666402,
    affects: 'charge',
    meaning: 'Declined with 402, reason `insufficient_funds`',
    declines: 'insufficient_funds',
  },
  {
    name: 'declined_stolen_card',
    amountMinor: 666403,
    affects: 'charge',
    meaning: 'Declined with 402, reason `stolen_card`',
    declines: 'stolen_card',
  },
  {
    name: 'slow',
    amountMinor: 666200,
    affects: 'charge',
    meaning: 'Charges after 2 s; meanwhile the key is `processing`',
    waits: 'slow',
  },
  {
    name: 'very_slow',
    amountMinor: 666202,
    affects: 'charge',
    meaning: 'Charges after 15 s, when the caller has long given up; meanwhile the key is `processing`',
    waits: 'verySlow',
  },
  {
    name: 'late_arrival',
    amountMinor: 666425,
    affects: 'charge',
    meaning: 'Held up on the way for 15 s and charged then; meanwhile the key is unknown (404)',
    arrivesAfter: 'verySlow',
  },
  {
    name: 'hold',
    amountMinor: 666423,
    affects: 'charge',
    meaning: 'Charges when `POST /scenario/release` says so; meanwhile the key is `processing`',
    waits: 'release',
  },
  {
    name: 'timeout_before',
    amountMinor: 666408,
    affects: 'every call',
    meaning: 'No answer; nothing was done',
    instead: 'silence',
  },
  {
    name: 'timeout_after',
    amountMinor: 666504,
    affects: 'every call',
    meaning: 'No answer, but it was done',
    afterwards: 'silence',
  },
  {
    name: 'error_before',
    amountMinor: 666500,
    affects: 'every call',
    meaning: '500 every time; nothing was done',
    instead: 'error',
  },
  {
    name: 'error_twice',
    amountMinor: 666503,
    affects: 'every call',
    meaning: '500 the first two times with a key, nothing done; fine from the third',
    instead: 'error',
    times: 2,
  },
  {
    name: 'error_after',
    amountMinor: 666502,
    affects: 'every call',
    meaning: '500, but it was done',
    afterwards: 'error',
  },
  {
    name: 'reset_before',
    amountMinor: 666444,
    affects: 'every call',
    meaning: 'Connection reset; nothing was done',
    instead: 'reset',
  },
  {
    name: 'reset_after',
    amountMinor: 666499,
    affects: 'every call',
    meaning: 'Connection reset, but it was done',
    afterwards: 'reset',
  },
  {
    name: 'rate_limited',
    amountMinor: 666429,
    affects: 'every call',
    meaning: '429 with `Retry-After: 1`; nothing was done',
    instead: 'busy',
  },
  {
    name: 'compensation_declined',
    amountMinor: 666409,
    affects: 'compensation',
    meaning: 'Charges, but a refund, void or cancel of it is refused with 409 `COMPENSATION_DECLINED`',
    declines: 'account_closed',
  },
  {
    name: 'compensation_error_twice',
    amountMinor: 666507,
    affects: 'compensation',
    meaning:
      'Charges, but giving it back is 500 the first two times with a key, nothing done; fine from the third',
    instead: 'error',
    times: 2,
  },
  {
    name: 'compensation_error_after',
    amountMinor: 666508,
    affects: 'compensation',
    meaning: 'Charges, but giving it back is 500 the first time with a key, and done',
    afterwards: 'error',
    times: 1,
  },
];

const COMPENSATIONS: readonly Operation[] = ['void', 'refund', 'cancel'];

const BY_NAME = new Map(SCENARIOS.map((scenario) => [scenario.name, scenario]));
const BY_AMOUNT = new Map(SCENARIOS.map((scenario) => [scenario.amountMinor, scenario]));

export const scenarioNames = SCENARIOS.map((scenario) => scenario.name);

export function scenarioNamed(name: string): Scenario | undefined {
  return BY_NAME.get(name);
}

/** The scenario that this total plays in this call. */
export function scenarioOfAmount(amountMinor: number, operation: Operation): Scenario | undefined {
  const scenario = BY_AMOUNT.get(amountMinor);
  if (scenario === undefined) return undefined;
  const disturbed =
    scenario.affects === 'compensation' ? COMPENSATIONS.includes(operation) : operation === 'charge';
  return disturbed ? scenario : undefined;
}

/** Whether this call is one of those that the scenario disturbs when it is asked for by name. */
export function isAffected(scenario: Scenario, operation: Operation): boolean {
  if (scenario.affects === 'every call') return true;
  return scenario.affects === 'charge' ? operation === 'charge' : COMPENSATIONS.includes(operation);
}

/** The table as the README shows it. */
export function scenarioTable(): string {
  const row = ({ name, amountMinor, affects, meaning }: Scenario): string =>
    `| \`${name}\` | ${amountMinor} | ${affects} | ${meaning} |`;
  return [
    '| scenario | amountMinor | disturbs | what happens |',
    '|---|---|---|---|',
    ...SCENARIOS.map(row),
  ].join('\n');
}
