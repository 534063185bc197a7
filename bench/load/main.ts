/**
 * The load driver, in a process of its own so that it takes no time from whoever measures: does the jobs that its
 * parent sends, one at a time, and ends with it.
 */
import { Pool } from 'undici';
import { placeOrders } from './place-orders.ts';
import type { DriverMessage, LoadJob } from './protocol.ts';

const progressEveryMs = 250;
/** Longer than the driver ever rests between two jobs. */
const keepAliveMs = 120_000;
let pool: Pool | undefined;

process.on('message', (job: LoadJob) => {
  pool ??= new Pool(job.url, { connections: job.callers, keepAliveTimeout: keepAliveMs });
  let toldAt = 0;
  const onAccepted = (accepted: number): void => {
    const now = performance.now();
    if (now - toldAt < progressEveryMs) return;
    toldAt = now;
    tell({ kind: 'progress', accepted });
  };
  placeOrders(pool, job, onAccepted).then(
    (result) => tell({ kind: 'done', result }),
    (error: unknown) => tell({ kind: 'failed', reason: String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function tell(message: DriverMessage): void {
  process.send?.(message);
}
