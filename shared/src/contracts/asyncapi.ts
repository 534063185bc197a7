import { z } from 'zod';
import { cloudEventsContentType } from './envelope.ts';
import { type OrderMessage, type OrderMessageType, orderContracts, routingKeyOf } from './order-events.ts';
import { orderInquiry, orderInquiryAnswer } from './order-inquiries.ts';
import { buildTopology, deadLetterQueueOf, exchanges, queues, workQueues } from './topology.ts';

const summaries: Record<OrderMessageType, string> = {
  'order.created.v1': 'An order was accepted and is durable.',
  'order.payment_requested.v1': 'The customer wants an order with manual payment to be paid now.',
  'order.cancel_requested.v1': 'The customer wants the order undone; it may overtake order.created.',
  'order.refund_requested.v1': 'Money is to go back to the customer.',
  'order.reserved.v1': 'Stock is held for the order.',
  'order.paid.v1': 'The payment was captured.',
  'order.processed.v1': 'The final reply: the saga has ended, completed or failed.',
  'order.cancelled.v1': 'No stock is held for the order, no money taken, and none will be.',
  'order.cancel_rejected.v1': 'It was too late to cancel.',
  'order.refunded.v1': 'Money went back to the customer.',
  'order.refund_rejected.v1': 'A refund was refused; no money moved.',
  'order.operator_acted.v1': 'An operator acted on a dead letter or on the saga; it changes nothing.',
};

const types = Object.keys(orderContracts) as OrderMessageType[];
const topology = buildTopology();
const virtualHost = '/';
const inquiry = 'order.inquiry';
const inquiryAnswer = 'order.inquiry_answer';
const inquiriesIn = new Map<string, readonly string[]>([
  [queues.orderInquiries, [inquiry]],
  [queues.inquiryAnswers, [inquiryAnswer]],
]);

interface Reference {
  readonly $ref: string;
}

/**
 * The AsyncAPI 3.0 document of everything the two services say to each other: messages from their zod schemas, channels
 * from the topology. A channel that bears the name of a routing key is where a type is published, one that bears the
 * name of a queue is where it is received.
 *
 * @param examples messages of every type, which also tell, by their `source`, who sends it
 */
export function buildAsyncApi(examples: readonly OrderMessage[]): Record<string, unknown> {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Order processor',
      version: '1.0.0',
      description:
        'Two services that meet on RabbitMQ. Events are CloudEvents 1.0 in structured mode. Each is delivered at least once; its id is the key for deduplication.',
    },
    defaultContentType: cloudEventsContentType,
    servers: {
      broker: { host: 'localhost:5672', protocol: 'amqp', protocolVersion: '0.9.1' },
    },
    channels: { ...publishingChannels(), ...queueChannels() },
    operations: { ...sendOperations(examples), ...receiveOperations(), ...inquiryOperations() },
    components: { messages: { ...eventMessages(examples), ...inquiryMessages() } },
  };
}

function publishingChannels() {
  return Object.fromEntries(
    types.map((type) => [
      routingKeyOf(type),
      {
        address: routingKeyOf(type),
        messages: messagesOf([type]),
        bindings: {
          amqp: {
            is: 'routingKey',
            exchange: {
              name: exchanges.orders,
              type: 'topic',
              durable: true,
              autoDelete: false,
              vhost: virtualHost,
            },
            bindingVersion: '0.3.0',
          },
        },
      },
    ]),
  );
}

function queueChannels() {
  return Object.fromEntries(
    topology.queues.map(({ name, arguments: queueArguments }) => [
      name,
      {
        address: name,
        messages: messagesOf(inquiriesIn.get(name) ?? typesIn(name)),
        bindings: {
          amqp: {
            is: 'queue',
            queue: { name, durable: true, exclusive: false, autoDelete: false, vhost: virtualHost },
            bindingVersion: '0.3.0',
          },
        },
        'x-queue-arguments': queueArguments,
      },
    ]),
  );
}

/** What may lie in a queue: a work queue and its dead letters hold what is bound to them; any other may hold all. */
function typesIn(queue: string): readonly OrderMessageType[] {
  const workQueue = workQueues.find(({ name }) => name === queue || deadLetterQueueOf(name) === queue);
  return types.filter((type) => workQueue?.routingKeys.includes(routingKeyOf(type)) ?? true);
}

function sendOperations(examples: readonly OrderMessage[]) {
  return Object.fromEntries(
    types.map((type) => {
      const sender = senderOf(type, examples);
      return [
        `${sender}.send.${routingKeyOf(type)}`,
        {
          action: 'send',
          title: `${sender} sends ${type}`,
          channel: channel(routingKeyOf(type)),
          messages: channelMessages(routingKeyOf(type), [type]),
          bindings: {
            amqp: { deliveryMode: 2, mandatory: true, timestamp: true, bindingVersion: '0.3.0' },
          },
        },
      ];
    }),
  );
}

function senderOf(type: OrderMessageType, examples: readonly OrderMessage[]): string {
  const example = examples.find((message) => message.type === type);
  if (!example) throw new Error(`there is no example of ${type}`);
  return example.source.replace(/^\//, '');
}

function receiveOperations() {
  // The queue's owner is part of its name; dead letters are the business of the desk, whosever they are.
  const received = [
    ...workQueues.map(({ name }) => ({ queue: name as string, receiver: name.split('.', 1)[0] })),
    ...workQueues.map(({ name }) => ({ queue: deadLetterQueueOf(name), receiver: 'processor-service' })),
    { queue: queues.deadLetterLog, receiver: 'processor-service' },
  ];
  return Object.fromEntries(
    received.map(({ queue, receiver }) => {
      return [
        `${receiver}.receive.${queue}`,
        {
          action: 'receive',
          title: `${receiver} receives from ${queue}`,
          channel: channel(queue),
          messages: channelMessages(queue, typesIn(queue)),
          bindings: { amqp: { ack: true, bindingVersion: '0.3.0' } },
        },
      ];
    }),
  );
}

function inquiryOperations() {
  const common = {
    channel: channel(queues.orderInquiries),
    messages: channelMessages(queues.orderInquiries, [inquiry]),
    reply: {
      channel: channel(queues.inquiryAnswers),
      messages: channelMessages(queues.inquiryAnswers, [inquiryAnswer]),
    },
  };
  return {
    'processor-service.send.order.inquiry': { action: 'send', ...common },
    'order-service.receive.order.inquiry': { action: 'receive', ...common },
  };
}

function eventMessages(examples: readonly OrderMessage[]) {
  return Object.fromEntries(
    types.map((type) => [
      type,
      {
        name: type,
        title: type,
        summary: summaries[type],
        contentType: cloudEventsContentType,
        correlationId: { location: '$message.payload#/correlationid' },
        payload: schemaOf(orderContracts[type]),
        bindings: { amqp: { contentEncoding: '', messageType: type, bindingVersion: '0.3.0' } },
        examples: examples
          .filter((message) => message.type === type)
          .map((payload) => ({ name: type, payload })),
      },
    ]),
  );
}

function inquiryMessages() {
  const order = '01a1fbf4-b78c-76fb-8985-bfb8b76312a0';
  const headers = {
    type: 'object',
    properties: { correlationId: { type: 'string' } },
  };
  return {
    [inquiry]: {
      name: inquiry,
      summary: 'A question about orders, and about messages that the order-service may have received.',
      contentType: 'application/json',
      headers,
      payload: schemaOf(orderInquiry),
      examples: [{ payload: { orderIds: [order], messageIds: [] } }],
    },
    [inquiryAnswer]: {
      name: inquiryAnswer,
      summary: 'The orders there are of those asked for, and the messages that were taken account of.',
      contentType: 'application/json',
      headers,
      payload: schemaOf(orderInquiryAnswer),
      examples: [{ payload: { orders: [], received: [] } }],
    },
  };
}

/** AsyncAPI's own schema format is a superset of draft 7; as input, so that unknown fields stay allowed. */
function schemaOf(schema: z.ZodType): unknown {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return rest;
}

function messagesOf(names: readonly string[]): Record<string, Reference> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function channel(name: string): Reference {
  return { $ref: `#/channels/${name}` };
}

function channelMessages(name: string, names: readonly string[]): Reference[] {
  return names.map((message) => ({ $ref: `#/channels/${name}/messages/${message}` }));
}
