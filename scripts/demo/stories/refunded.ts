import type { Story } from '../story.ts';

export const refunded: Story = {
  name: 'refunded',
  title: 'A refund',
  plot: 'Eve gets a part of her money back, then the rest: with the last cent the books are on the shelf again.',
  async play({ customer, operator, eventually, verify }) {
    const sku = await operator.stock('BOOK', 3);
    const eve = await customer('eve');
    const order = await eve.order({ sku, quantity: 2, price: 1_250 });
    await order.becomes('completed');
    await operator.refund(order, 500);
    await eventually({
      expected: 'EUR 5.00 to be refunded',
      look: order.look,
      is: ({ refundedMinor }) => refundedMinor === 500,
      found: ({ refundedMinor }) => `${refundedMinor} cents`,
    });
    await operator.refund(order);
    await order.becomes('refunded');
    await verify({
      orders: [{ order, status: 'refunded', ledger: ['captured 25.00', 'refunded 5.00', 'refunded 20.00'] }],
      sku,
      stock: { onHand: 3, reserved: 0, shipped: 0 },
    });
  },
};
