import { expectStatus } from '../http.ts';
import { sandboxAmounts } from '../provider.ts';
import type { Story } from '../story.ts';

export const cancelled: Story = {
  name: 'cancelled',
  title: 'A cancellation in time',
  plot: 'Carol cancels while the provider is still working on the charge: it takes nothing, not even afterwards.',
  async play({ customer, operator, provider, verify }) {
    const sku = await operator.stock('SOFA', 1);
    const carol = await customer('carol');
    const order = await carol.order({ sku, quantity: 1, price: sandboxAmounts.isHeld });
    try {
      await order.becomes('reserved');
      expectStatus(202, 'the cancellation', await order.cancel('found it cheaper'));
      await order.becomes('cancelled');
    } finally {
      await provider.release();
    }
    await verify({
      orders: [{ order, status: 'cancelled', ledger: [] }],
      sku,
      stock: { onHand: 1, reserved: 0, shipped: 0 },
    });
  },
};
