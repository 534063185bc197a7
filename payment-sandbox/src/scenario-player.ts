import type { Delays, FaultKind, Operation, Scenario } from './scenarios.ts';
import { isAffected, scenarioOfAmount } from './scenarios.ts';

/** The call ends this way, whatever was done; `http/faults.ts` acts it out on the socket. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly kind: FaultKind;

  constructor(kind: FaultKind) {
    super(`The sandbox plays: ${kind}`);
    this.kind = kind;
  }
}

/** A scenario that calls play whatever they ask for. */
export interface Forced {
  scenario: Scenario;
  /** How many more calls; null: until it is lifted. */
  remaining: number | null;
  /** Only these calls; null: all that the scenario disturbs. */
  operations: readonly Operation[] | null;
}

/** One call, as far as a scenario depends on it. */
export interface Call {
  operation: Operation;
  /** What the call is about: counts the disturbances of a scenario that ends by itself. */
  key: string;
  /** The scenario asked for by header. */
  wanted?: Scenario | undefined;
  /** The total of the payment; undefined if it plays no part, as in the replay of a stored answer. */
  amountMinor?: number | undefined;
}

/** What a scenario does to the work itself. */
export interface Staging {
  decline?: string | undefined;
  wait?: (() => Promise<void>) | undefined;
}

export interface ScenarioPlayer {
  /** The scenario for this call: the forced one, else the wanted one, else the one of its amount. Counts it as played. */
  choose(call: Call): Scenario | undefined;
  /** Runs `act` the way the scenario has it. @throws {Fault} if the call must not get its answer */
  play<T>(scenario: Scenario, act: (staging: Staging) => Promise<T>): Promise<T>;
  force(forced: Forced): void;
  lift(): void;
  forced(): Forced | null;
  /** How many calls wait for {@link ScenarioPlayer.release}. */
  held(): number;
  /** Lets every held call go on; says how many. */
  release(): number;
  /** Ends every wait with a reset connection, so that the process can stop; what was not charged by then never is. */
  stop(): void;
}

export function createScenarioPlayer({ delays }: { delays: Delays }): ScenarioPlayer {
  const played = new Map<string, number>();
  const waits = new Set<Waiting>();
  let stopped = false;
  let forced: Forced | null = null;

  const forcedFor = (operation: Operation): Scenario | undefined => {
    if (forced === null || !isAffected(forced.scenario, operation)) return undefined;
    if (forced.operations !== null && !forced.operations.includes(operation)) return undefined;
    const { scenario } = forced;
    if (forced.remaining !== null) {
      forced = forced.remaining > 1 ? { ...forced, remaining: forced.remaining - 1 } : null;
    }
    return scenario;
  };

  const isPlayedOut = (scenario: Scenario, key: string): boolean => {
    if (scenario.times === undefined) return false;
    const id = `${scenario.name} ${key}`;
    const before = played.get(id) ?? 0;
    played.set(id, before + 1);
    return before >= scenario.times;
  };

  const wait = (time: number | 'release'): Promise<void> =>
    new Promise((resolve, reject) => {
      const waiting: Waiting = {
        held: time === 'release',
        end(fault) {
          clearTimeout(timer);
          waits.delete(waiting);
          if (fault === undefined) resolve();
          else reject(fault);
        },
      };
      const timer = time === 'release' ? undefined : setTimeout(() => waiting.end(), time);
      waits.add(waiting);
      if (stopped) waiting.end(new Fault('reset'));
    });

  const stagingOf = ({ declines, waits }: Scenario): Staging => ({
    decline: declines,
    wait: waits && (() => wait(waits === 'release' ? waits : delays[waits])),
  });

  return {
    choose({ operation, key, wanted, amountMinor }) {
      const asked = wanted !== undefined && isAffected(wanted, operation) ? wanted : undefined;
      const byAmount = amountMinor === undefined ? undefined : scenarioOfAmount(amountMinor, operation);
      const scenario = forcedFor(operation) ?? asked ?? byAmount;
      return scenario === undefined || isPlayedOut(scenario, key) ? undefined : scenario;
    },

    async play(scenario, act) {
      if (scenario.arrivesAfter !== undefined) await wait(delays[scenario.arrivesAfter]);
      if (scenario.instead !== undefined) throw new Fault(scenario.instead);
      const work = act(stagingOf(scenario));
      if (scenario.afterwards === undefined) return work;
      await Promise.allSettled([work]);
      throw new Fault(scenario.afterwards);
    },

    force(next) {
      forced = next;
    },
    lift() {
      forced = null;
    },
    forced: () => forced,
    held: () => heldCalls(waits).length,
    release() {
      const released = heldCalls(waits);
      for (const waiting of released) waiting.end();
      return released.length;
    },
    stop() {
      stopped = true;
      for (const waiting of waits) waiting.end(new Fault('reset'));
    },
  };
}

/** A call in the middle of its scenario. */
interface Waiting {
  held: boolean;
  /** Lets it go on, or makes it fail. */
  end(fault?: Fault): void;
}

function heldCalls(waits: ReadonlySet<Waiting>): Waiting[] {
  return [...waits].filter((waiting) => waiting.held);
}
