import { describe, expect, test } from '@jest/globals';
import { orderStatuses } from './order.ts';
import { isAllowed, transitions } from './transitions.ts';

describe('the transition table', () => {
  test('knows every status and leads only to known ones', () => {
    expect(Object.keys(transitions)).toEqual([...orderStatuses]);
    expect(
      Object.values(transitions)
        .flat()
        .every((status) => orderStatuses.includes(status)),
    ).toBe(true);
  });

  test('leaves cancelled and refunded orders where they are', () => {
    for (const target of orderStatuses) {
      expect(isAllowed('cancelled', target)).toBe(false);
      expect(isAllowed('refunded', target)).toBe(false);
    }
  });

  test('lets only what was captured be refunded', () => {
    const refundable = orderStatuses.filter((status) => isAllowed(status, 'refunded'));
    expect(refundable).toEqual(['paid', 'completed', 'fulfilled']);
  });

  test('leads a failed order back to the start, or to a cancellation before that happens', () => {
    expect(transitions.failed).toEqual(['pending', 'cancelled']);
  });
});
