import { describe, expect, it } from '@jest/globals';
import { welcome } from './welcome.ts';

const stack = {
  orderService: 'http://127.0.0.1:3000',
  orderGrpc: '127.0.0.1:50051',
  processorService: 'http://127.0.0.1:3001',
  paymentSandbox: 'http://127.0.0.1:3002',
  amqpUrl: 'amqp://oms:oms@127.0.0.1:5672',
  managementUrl: 'http://127.0.0.1:15672',
  orderDatabaseUrl: 'postgresql://someone:secret@db.example.com:5432/order_db',
  processorDatabaseUrl: 'postgresql://oms:oms@127.0.0.1:5432/processor_db',
};

describe('the welcome', () => {
  it('names every address and the login of the console', () => {
    const text = welcome({ ...stack, pids: { rabbitmq: 1, postgres: 2 } });
    for (const url of [
      stack.orderService,
      stack.orderGrpc,
      stack.processorService,
      stack.paymentSandbox,
      stack.amqpUrl,
    ]) {
      expect(text).toContain(url);
    }
    expect(text).toContain('http://127.0.0.1:15672   (oms / oms)');
  });

  it('does not show the password of a server that is not ours', () => {
    const text = welcome({ ...stack, pids: {} });
    expect(text).toContain('postgresql://someone:***@db.example.com:5432/order_db');
    expect(text).not.toContain('secret');
    expect(text).not.toContain('(oms / oms)');
  });

  it('gives an order as a curl line that a shell can read', () => {
    const body = /curl .* -d '(.*)'/.exec(welcome({ ...stack, pids: {} }))?.[1] ?? '';
    expect(JSON.parse(body)).toMatchObject({ customerId: expect.any(String), items: [{ quantity: 2 }] });
  });
});
