import { describe, expect, it } from '@jest/globals';
import { recordAcceptStatement } from './accept-statement.ts';
import { toPgbenchScript } from './pgbench.ts';

describe('the reference', () => {
  it('is the one statement with which the order-service accepts an order', async () => {
    const { name, text, values, orderId } = await recordAcceptStatement();
    expect(name).toBe('insert-orders');
    for (const table of ['orders', 'order_items', 'order_events', 'outbox']) {
      expect(text).toContain(`INSERT INTO ${table} (`);
    }
    for (const value of values) expect(value).toContain(orderId);
  });

  it('keeps every parameter of the statement a parameter under pgbench, with a fresh id in it', async () => {
    const statement = await recordAcceptStatement();
    const script = toPgbenchScript(statement);
    expect(script).not.toContain('$');
    statement.values.forEach((_value, index) => {
      expect(script).toContain(`replace(:p${index + 1}, :sample_id, fresh.id)`);
    });
  });
});
