import type { Story } from '../story.ts';
import { StoryFailed } from '../story-failed.ts';
import { timelineTable } from '../timeline.ts';

/** A broker takes its time to come up, and the services theirs to see it. */
const backWithinMs = 60_000;

const away = 'order-service degraded, processor-service unavailable';
const back = 'order-service ready, processor-service ready';

export const brokerAway: Story = {
  name: 'broker-away',
  title: 'The broker, away and back',
  plot: "RabbitMQ is stopped: Heidi's order is accepted all the same, waits in the outbox, and goes through afterwards.",
  cannotPlay: ({ broker }) =>
    broker ? undefined : 'the broker is not the one of npm start, and not for a demo to stop',
  async play({ broker, customer, operator, eventually, narrator, verify }) {
    const sku = await operator.stock('RADIO', 1);
    const heidi = await customer('heidi');
    const readiness = (expected: string) =>
      eventually({
        expected,
        look: operator.readiness,
        is: (seen) => seen === expected,
        found: String,
        withinMs: backWithinMs,
      });
    await broker?.stop();
    const order = await heidi.order({ sku, quantity: 1, price: 6_000 });
    const meanwhile = await order.timeline();
    if (!meanwhile.some(({ kind }) => kind === 'waiting')) {
      throw new StoryFailed(
        `expected order.created to wait for the broker; found ${JSON.stringify(meanwhile)}`,
      );
    }
    narrator.table("heidi's order, while the broker is away", timelineTable(meanwhile));
    narrator.step('operator', 'GET /health/ready', await readiness(away));
    await order.becomes('completed', backWithinMs);
    narrator.step('operator', 'GET /health/ready', await readiness(back));
    await verify({
      orders: [{ order, status: 'completed', ledger: ['captured 60.00'] }],
      sku,
      stock: { onHand: 0, reserved: 0, shipped: 1 },
    });
  },
};
