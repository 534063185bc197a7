import { Gauge } from 'prom-client';
import { metricsRegistry } from '../metrics/registry.ts';

type State = 'disconnected' | 'connected' | 'blocked';

const states: readonly State[] = ['connected', 'blocked', 'disconnected'];
const connections = new Map<string, () => State>();

metricsRegistry.registerMetric(
  new Gauge({
    name: 'oms_broker_connection_state',
    help: 'The connections to the broker: 1 for the state that each is in; blocked ones may not publish',
    labelNames: ['connection', 'state'],
    collect() {
      this.reset();
      for (const [connection, stateOf] of connections) {
        const current = stateOf();
        for (const state of states) this.set({ connection, state }, Number(state === current));
      }
    },
    registers: [],
  }),
);

/** Tells the state of a connection from now on, under the name it has among those of its process. */
export function measureConnection(name: string, state: () => State): void {
  connections.set(name, state);
}

/** For one that is not wanted any more. */
export function forgetConnection(name: string): void {
  connections.delete(name);
}
