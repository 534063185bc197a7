import type { Pool } from 'pg';
import { Gauge } from 'prom-client';
import { metricsRegistry } from '../metrics/registry.ts';

/** Tells how busy a pool is whenever metrics are asked for. */
export function measurePool(pool: Pool): void {
  metricsRegistry.registerMetric(
    new Gauge({
      name: 'oms_database_connections',
      help: 'Connections of the pool by what they do, and requests that wait for one',
      labelNames: ['state'],
      collect() {
        this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
        this.set({ state: 'idle' }, pool.idleCount);
        this.set({ state: 'awaited' }, pool.waitingCount);
      },
      registers: [],
    }),
  );
}
