import type { Story } from '../story.ts';
import { StoryFailed } from '../story-failed.ts';

const rivals = ['ada', 'bob', 'carol', 'dan', 'eve'] as const;

export const lastItem: Story = {
  name: 'last-item',
  title: 'The last item, fought over',
  plot: 'Five customers order the last ticket at the same moment: one gets it, four are told that it is gone.',
  async play({ customer, operator, verify }) {
    const sku = await operator.stock('TICKET', 1);
    const customers = await Promise.all(rivals.map(customer));
    const orders = await Promise.all(
      customers.map((rival) => rival.order({ sku, quantity: 1, price: 4_900 })),
    );
    const decided = await Promise.all(
      orders.map(async (order) => ({ order, status: await order.isDecided() })),
    );
    const winners = decided.filter(({ status }) => status === 'completed');
    const [loser, ...others] = decided.filter(({ status }) => status === 'failed');
    if (winners.length !== 1 || loser === undefined) {
      throw new StoryFailed(
        `expected one order to be completed; found ${winners.length} of ${decided.length}`,
      );
    }
    const lost = { failure: 'OUT_OF_STOCK', ledger: [] };
    await verify({
      orders: [
        ...winners.map((winner) => ({ ...winner, ledger: ['captured 49.00'] })),
        { ...loser, ...lost },
        ...others.map((other) => ({ ...other, ...lost, isShown: false })),
      ],
      sku,
      stock: { onHand: 0, reserved: 0, shipped: 1 },
    });
  },
};
