import type { PlacedOrder } from '../customer.ts';
import type { DeadLetter, Operator } from '../operator.ts';
import type { Stage, Story } from '../story.ts';
import { StoryFailed } from '../story-failed.ts';

export const poison: Story = {
  name: 'poison',
  title: 'A poison message and its replay',
  plot: "Frank's payment cannot succeed as it is: its message rests among the dead letters until an operator replays it.",
  async play(stage) {
    const { customer, operator, provider, verify } = stage;
    const sku = await operator.stock('VASE', 2);
    const [frank, grace] = await Promise.all([customer('frank'), customer('grace')]);
    const order = await frank.order({ sku, quantity: 1, price: 8_000, payment: 'manual' });
    await order.becomes('reserved');
    // Whatever is charged under this key is refused from now on, however often it is tried. A replay takes another key.
    await provider.closeChargeOf(order);
    await order.pay();
    try {
      await order.becomes('failed');
      const letter = await deadLetterOf(order, stage);
      const passing = await grace.order({ sku, quantity: 1, price: 8_000 });
      await passing.becomes('completed');
      await operator.tryReplay(order);
      await operator.replay(letter);
      await order.becomes('completed');
      await verify({
        orders: [
          { order, status: 'completed', ledger: ['captured 80.00'] },
          { order: passing, status: 'completed', ledger: ['captured 80.00'], isShown: false },
        ],
        sku,
        stock: { onHand: 0, reserved: 0, shipped: 2 },
      });
    } catch (error) {
      // What went wrong first is what matters, whether or not there is anything left to tidy up.
      await discardAll(order, operator).catch(() => undefined);
      throw error;
    }
  },
};

async function deadLetterOf(
  order: PlacedOrder,
  { operator, eventually, narrator }: Stage,
): Promise<DeadLetter> {
  const letters = await eventually({
    expected: 'one dead letter about the order',
    look: () => operator.deadLettersOf(order),
    is: ({ length }) => length === 1,
    found: ({ length }) => `${length} dead letters`,
  });
  const letter = letters[0] as DeadLetter;
  narrator.step('operator', 'GET /dead-letters?orderId=…', `200 ${letter.type}: ${letter.errorCode}`);
  if (letter.errorCode !== 'PAYMENT_PROTOCOL_ERROR') {
    throw new StoryFailed(`expected the error code PAYMENT_PROTOCOL_ERROR; found ${letter.errorCode}`);
  }
  return letter;
}

async function discardAll(order: PlacedOrder, operator: Operator): Promise<void> {
  for (const letter of await operator.deadLettersOf(order))
    await operator.discard(letter, 'left over by a demo that was not played to its end');
}
