import type { Story } from '../story.ts';

export const happy: Story = {
  name: 'happy',
  title: 'An order goes through',
  plot: 'Ada orders two mugs: stock is reserved, the payment is taken, the mugs leave the shelf.',
  async play({ customer, operator, verify }) {
    const sku = await operator.stock('MUG', 10);
    const ada = await customer('ada');
    const order = await ada.order({ sku, quantity: 2, price: 1_250 });
    await order.becomes('completed');
    await verify({
      orders: [{ order, status: 'completed', ledger: ['captured 25.00'] }],
      sku,
      stock: { onHand: 8, reserved: 0, shipped: 2 },
    });
  },
};
