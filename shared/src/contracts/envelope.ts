import { z } from 'zod';
import { storableText } from './storable-text.ts';

/** Content type of every message: CloudEvents 1.0, structured mode, JSON. */
export const cloudEventsContentType = 'application/cloudevents+json';

const longestProperty = 255;

/** It travels on as a property of messages, which AMQP allows 255 bytes. */
const correlationId = storableText
  .min(1)
  .refine((id) => Buffer.byteLength(id) <= longestProperty, `must have ${longestProperty} bytes at most`);

/**
 * Schema of one event: a CloudEvents 1.0 envelope whose `type` names the contract and its version. Unknown fields are
 * tolerated everywhere, so that a producer may add some before its consumers know them.
 *
 * Extensions: `sequence` counts the events that one source sends about one order, gapless from 1; `correlationid` ties
 * together what one request set off; `traceparent` is W3C Trace Context.
 */
export function defineEvent<const Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({
    specversion: z.literal('1.0'),
    id: z.uuid().toLowerCase(),
    source: storableText.min(1),
    type: z.literal(type),
    subject: z.uuid().toLowerCase(),
    time: z.iso.datetime(),
    datacontenttype: z.literal('application/json'),
    sequence: z.int().positive(),
    correlationid: correlationId,
    traceparent: storableText.min(1),
    data,
  });
}
