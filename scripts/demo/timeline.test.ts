import { describe, expect, it } from '@jest/globals';
import { type TimelineEntry, timelineTable } from './timeline.ts';

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const history = (ms: number, type: string, actor: string, data: object = {}): TimelineEntry => ({
  at: at(ms),
  kind: 'history',
  type,
  detail: { actor, data },
});
const processor = 'processor-service';

describe('the timeline of an order', () => {
  it('tells when, what and who in columns, with the amounts and the reasons that there are', () => {
    const entries: TimelineEntry[] = [
      history(0, 'placed', 'customer:ada'),
      { at: at(12), kind: 'published', type: 'order.created.v1', detail: {} },
      history(40, 'paid', processor, { paymentId: 'p', amountMinor: 2_505 }),
      history(1_000, 'failed', processor, { failure: { code: 'OUT_OF_STOCK', message: 'none left' } }),
      history(61_234, 'cancellationRequested', 'operator:olga', { reason: 'too slow' }),
      { at: at(62_000), kind: 'operator', type: 'replayed', detail: { operator: 'olga' } },
    ];
    expect(timelineTable(entries)).toEqual([
      '   after  what                               who',
      ' 0.000 s  placed                             customer ada',
      ' 0.012 s  order.created.v1 is at the broker  order-service',
      ' 0.040 s  paid 25.05                         processor-service',
      ' 1.000 s  failed: OUT_OF_STOCK, none left    processor-service',
      '61.234 s  cancellation asked for: too slow   operator olga',
      '62.000 s  message replayed                   operator olga',
    ]);
  });

  it('leaves out the reports that history tells, and shows those that changed nothing', () => {
    const received = (ms: number, outcome: string): TimelineEntry => ({
      at: at(ms),
      kind: 'received',
      type: 'order.reserved.v1',
      detail: { outcome },
    });
    const entries = [
      history(0, 'placed', 'customer:ada'),
      history(5, 'reserved', processor),
      received(5, 'applied'),
      received(9, 'ignored: it is reserved'),
    ];
    expect(timelineTable(entries).slice(2)).toEqual([
      '0.005 s  stock reserved                              processor-service',
      '0.009 s  order.reserved.v1: ignored: it is reserved  order-service',
    ]);
  });

  it('says what still waits for the broker', () => {
    const waiting: TimelineEntry = { at: at(0), kind: 'waiting', type: 'order.created.v1', detail: {} };
    expect(timelineTable([waiting])).toEqual([
      '  after  what                                   who',
      '0.000 s  order.created.v1 waits for the broker  order-service',
    ]);
  });
});
