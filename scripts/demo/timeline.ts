/** One line of what `GET /orders/{id}/timeline` answers. */
export interface TimelineEntry {
  readonly at: string;
  readonly kind: 'history' | 'published' | 'waiting' | 'received' | 'operator';
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What the details of a history entry may tell beside their type. */
interface Details {
  readonly amountMinor?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly failure?: { readonly code: string; readonly message: string };
}

const headings = ['after', 'what', 'who'] as const;

/**
 * The timeline of an order as aligned lines, the first one with the headings. What the processor reported and the order
 * followed is one line of its history; a report that changed nothing has one of its own.
 */
export function timelineTable(entries: readonly TimelineEntry[]): string[] {
  const told = entries.filter(({ kind, detail }) => kind !== 'received' || detail['outcome'] !== 'applied');
  const beginning = Date.parse(told[0]?.at ?? '');
  const rows = told.map((entry) => [
    `${((Date.parse(entry.at) - beginning) / 1000).toFixed(3)} s`,
    what(entry),
    who(entry),
  ]);
  const [after = 0, middle = 0] = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [headings, ...rows].map(([time = '', event = '', actor = '']) =>
    `${time.padStart(after)}  ${event.padEnd(middle)}  ${actor}`.trimEnd(),
  );
}

function what({ kind, type, detail }: TimelineEntry): string {
  switch (kind) {
    case 'history':
      return [historyWords[type] ?? type, more((detail['data'] ?? {}) as Details)].join('');
    case 'published':
      return `${type} is at the broker`;
    case 'waiting':
      return `${type} waits for the broker`;
    case 'received':
      return `${type}: ${String(detail['outcome'])}`;
    case 'operator':
      return `message ${type}`;
    default:
      return kind satisfies never;
  }
}

const historyWords: Readonly<Record<string, string>> = {
  reserved: 'stock reserved',
  paymentRequested: 'payment asked for',
  cancellationRequested: 'cancellation asked for',
  cancellationRejected: 'cancellation rejected',
  refundRequested: 'refund asked for',
  partiallyRefunded: 'refunded in part',
  retried: 'tried again',
};

function more({ amountMinor, failure, message, reason }: Details): string {
  const amount = amountMinor === undefined ? '' : ` ${inMajor(amountMinor)}`;
  const why = failure ? `${failure.code}, ${failure.message}` : (message ?? reason);
  return why ? `${amount}: ${why}` : amount;
}

function who({ kind, detail }: TimelineEntry): string {
  if (kind === 'operator') return `operator ${String(detail['operator'])}`;
  if (kind !== 'history') return 'order-service';
  return String(detail['actor']).replace(':', ' ');
}

/** `25.00` of 2500 cents. */
export function inMajor(minor: number): string {
  return (minor / 100).toFixed(2);
}
