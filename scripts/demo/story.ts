import type { BrokerOfTheStack } from './broker.ts';
import type { Customer } from './customer.ts';
import type { Eventually } from './eventually.ts';
import type { Narrator } from './narrator.ts';
import type { Operator } from './operator.ts';
import type { Provider } from './provider.ts';
import type { Verify } from './verify.ts';

/** What a story is played with. Customers and goods belong to this run alone, so that runs do not meet. */
export interface Stage {
  /** Somebody new with this first name. */
  customer(name: string): Promise<Customer>;
  readonly operator: Operator;
  readonly provider: Provider;
  /** The broker that `npm start` keeps running; undefined where it is somebody else's. */
  readonly broker: BrokerOfTheStack | undefined;
  readonly narrator: Narrator;
  readonly eventually: Eventually;
  /** Shows the timeline of an order, holds it and its surroundings against what has to be, and says so. */
  readonly verify: Verify;
}

/** Something that can happen to orders, played against the running system. */
export interface Story {
  /** How it is called on the command line. */
  readonly name: string;
  readonly title: string;
  /** What is going to happen, in a sentence. */
  readonly plot: string;
  /** Why it cannot be played against this system, if it cannot. */
  readonly cannotPlay?: (stage: Stage) => string | undefined;
  /** @throws StoryFailed when it does not come out as it has to; whatever it disturbed is undone all the same. */
  play(stage: Stage): Promise<void>;
}
