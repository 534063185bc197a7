import { type OrderMessage, parseOrderMessage, routingKeyOf } from '#shared/contracts/order-events.ts';
import { deadLetterQueueOf, exchanges, workQueues } from '#shared/contracts/topology.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { idOfName } from '#shared/kernel/ids.ts';
import { toReplay } from '#shared/messaging/forward-message.ts';
import { type IncomingMessage, messageHeaders, type OutgoingMessage } from '#shared/messaging/message.ts';
import type { OperatorAction, OperatorActions } from '../ports/operator-actions.ts';
import { aboutLetter, originalOf } from './about-letter.ts';
import type { ActOnOne } from './act-on-one.ts';
import { summarize } from './dead-letter.ts';

/**
 * Sends a letter back with another body. The body has to be a valid message about the same order for the same
 * consumer. It gets an id that follows from the original's id and the new content: the same edit, submitted again, is
 * the same message, and is not sent again.
 *
 * @param body JSON; its `id` is of no importance
 * @returns the line of the audit, which tells the new id and keeps the original
 * @throws AppError `MESSAGE_NOT_FOUND`, `MALFORMED_MESSAGE`, `UNSUPPORTED_MESSAGE`, `EDIT_REFUSED`, and what publishing
 * throws
 */
export type EditLetter = (wish: {
  id: string;
  queues: readonly string[];
  body: Buffer;
  operator: string;
}) => Promise<OperatorAction>;

export function createEditLetter(dependencies: { actOnOne: ActOnOne; actions: OperatorActions }): EditLetter {
  const { actOnOne, actions } = dependencies;
  return async ({ id, queues, body, operator }) => {
    const edit = readEdit(id, body);
    const replacedBy = edit.message.id;
    try {
      return await actOnOne({ id, queues }, ({ message: original }) => {
        const target = targetOf(original, edit.message);
        return {
          intent: {
            action: 'edit',
            operator,
            ...aboutLetter(original),
            orderId: edit.message.subject,
            replacedBy,
            original: originalOf(original),
          },
          toMessage: ({ operator: by, at }) => toEdited(toReplay(original, { by, at }), { id, edit, target }),
        };
      });
    } catch (error) {
      const isGone = error instanceof AppError && error.code === 'MESSAGE_NOT_FOUND';
      const before = isGone ? await actions.findEdit(id, replacedBy) : undefined;
      if (before) return before;
      throw error;
    }
  };
}

/** A body that keeps its contract, and what it says. */
interface Edit {
  readonly message: OrderMessage;
  readonly body: Buffer;
}

function readEdit(originalId: string, body: Buffer): Edit {
  const content = parseObject(body);
  // Not an object: reading it tells what is wrong.
  if (!content) return { message: parseOrderMessage(body), body };
  const { id: _, ...rest } = content;
  const id = idOfName(JSON.stringify([originalId, sorted(rest)]));
  const withId = Buffer.from(JSON.stringify({ ...content, id }));
  return { message: parseOrderMessage(withId), body: withId };
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(body.toString('utf8'));
    const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
    return isObject ? (content as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The same with all fields in alphabetical order: how a tool writes JSON down makes no other edit of it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, sorted(field)]));
}

/** Where the edited message goes: to where the original went, as far as that can be read. */
function targetOf(
  original: IncomingMessage,
  edited: OrderMessage,
): Pick<OutgoingMessage, 'exchange' | 'routingKey'> {
  const { orderId } = summarize(original);
  if (orderId !== undefined && orderId !== edited.subject) {
    throw refused(`the message is about order ${orderId}, the edited one about ${edited.subject}`);
  }
  const routingKey = routingKeyOf(edited.type);
  const known = workQueues.find(({ name }) => deadLetterQueueOf(name) === original.queue)?.routingKeys ?? [];
  const isReadable = known.includes(original.routingKey);
  const allowed = isReadable ? [original.routingKey] : known;
  if (!allowed.includes(routingKey)) {
    throw refused(`the edited message would go to ${routingKey} instead of ${allowed.join(' or ')}`);
  }
  return { exchange: isReadable ? original.exchange : exchanges.orders, routingKey };
}

function toEdited(
  replay: OutgoingMessage,
  { id, edit, target }: { id: string; edit: Edit; target: Pick<OutgoingMessage, 'exchange' | 'routingKey'> },
): OutgoingMessage {
  const { message, body } = edit;
  return {
    ...target,
    messageId: message.id,
    type: message.type,
    correlationId: message.correlationid,
    time: new Date(message.time),
    headers: { ...replay.headers, [messageHeaders.editedFrom]: id },
    body,
  };
}

function refused(message: string): AppError {
  return new AppError({ code: 'EDIT_REFUSED', kind: 'rejected', message });
}
