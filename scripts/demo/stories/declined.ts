import { sandboxAmounts } from '../provider.ts';
import type { Story } from '../story.ts';

export const declined: Story = {
  name: 'declined',
  title: 'A payment is declined',
  plot: "Bob's card does not cover the piano: the order fails, and its stock is free again.",
  async play({ customer, operator, verify }) {
    const sku = await operator.stock('PIANO', 1);
    const bob = await customer('bob');
    const order = await bob.order({ sku, quantity: 1, price: sandboxAmounts.isDeclined });
    await order.becomes('failed');
    await verify({
      orders: [{ order, status: 'failed', failure: 'PAYMENT_DECLINED', ledger: ['declined 6664.02'] }],
      sku,
      stock: { onHand: 1, reserved: 0, shipped: 0 },
    });
  },
};
