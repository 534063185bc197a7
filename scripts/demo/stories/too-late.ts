import { expectStatus } from '../http.ts';
import type { Story } from '../story.ts';
import { StoryFailed } from '../story-failed.ts';

export const tooLate: Story = {
  name: 'too-late',
  title: 'A cancellation too late',
  plot: "Dan's order is paid when he wants to cancel it: he is told so, and the order stays as it is.",
  async play({ customer, operator, verify }) {
    const sku = await operator.stock('LAMP', 1);
    const dan = await customer('dan');
    const order = await dan.order({ sku, quantity: 1, price: 3_000 });
    await order.becomes('completed');
    const { code } = expectStatus(409, 'the cancellation', await order.cancel('changed my mind'));
    if (code !== 'ORDER_ALREADY_PAID') {
      throw new StoryFailed(`expected the cancellation to be refused with ORDER_ALREADY_PAID; found ${code}`);
    }
    await verify({
      orders: [{ order, status: 'completed', ledger: ['captured 30.00'] }],
      sku,
      stock: { onHand: 0, reserved: 0, shipped: 1 },
    });
  },
};
