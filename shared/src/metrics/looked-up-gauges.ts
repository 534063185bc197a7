import { Gauge } from 'prom-client';
import { metricsRegistry } from './registry.ts';

/** A gauge whose values have to be looked up. */
export interface LookedUpGauge<Found> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly tell: (gauge: Gauge, found: Found) => void;
}

/** Well below the time that Prometheus gives a scrape. */
const patienceMs = 3_000;

/**
 * Registers gauges that share one look whenever metrics are asked for. When it fails, or takes longer than three seconds,
 * they have no value; the other metrics are told all the same.
 */
export function registerLookedUpGauges<Found>(
  look: () => Promise<Found | undefined>,
  gauges: readonly LookedUpGauge<Found>[],
): void {
  let looking: Promise<Found | undefined> | undefined;

  function lookOnce(): Promise<Found | undefined> {
    looking ??= orNothing(look()).finally(() => {
      looking = undefined;
    });
    return looking;
  }

  for (const { name, help, labelNames = [], tell } of gauges) {
    metricsRegistry.registerMetric(
      new Gauge({
        name,
        help,
        labelNames,
        registers: [],
        async collect() {
          const found = await lookOnce();
          if (labelNames.length > 0) this.reset();
          else this.remove();
          if (found !== undefined) tell(this, found);
        },
      }),
    );
  }
}

async function orNothing<Found>(look: Promise<Found | undefined>): Promise<Found | undefined> {
  const expired = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => expired.resolve(undefined), patienceMs);
  const found = look.catch(() => undefined);
  return Promise.race([found, expired.promise]).finally(() => clearTimeout(timer));
}
