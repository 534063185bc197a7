import type { Check } from '#shared/audit/check.ts';
import type { SagaEvidence, StockEvidence } from '../ports/saga-evidence.ts';
import { endsAreAnnounced } from './ends-are-announced.ts';
import { paymentsAreAccountedFor } from './payments-are-accounted-for.ts';
import { repliesAreNumbered } from './replies-are-numbered.ts';
import { sagasExist } from './sagas-exist.ts';
import { sagasMove } from './sagas-move.ts';
import { stepsAreAnnouncedOnce } from './steps-are-announced-once.ts';
import { stockAddsUp } from './stock-adds-up.ts';
import { stockIsHeldForOrders } from './stock-is-held-for-orders.ts';

/** Everything that processor_db alone can tell about an order. */
export const sagaChecks: readonly Check<SagaEvidence>[] = [
  sagasExist,
  paymentsAreAccountedFor,
  stockIsHeldForOrders,
  stepsAreAnnouncedOnce,
  repliesAreNumbered,
  sagasMove,
  endsAreAnnounced,
];

/** And about a SKU. */
export const stockChecks: readonly Check<StockEvidence>[] = [stockAddsUp];
