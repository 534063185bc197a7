import { eventually } from './eventually.ts';

/** One of the server-sent events about an order. */
export interface OrderEventFrame {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a client of `GET /orders/{id}/events` is told. */
export interface EventStream {
  readonly response: Response;
  readonly events: readonly OrderEventFrame[];
  /** Comments, which keep the connection alive. */
  readonly heartbeats: () => number;
  /** As `1 placed`, or `end` for what has no id. */
  readonly seen: () => readonly string[];
  /** Waits for the event, and gives its place. */
  until(event: string): Promise<number>;
  /** How the server's side ended: `complete`, or that the connection broke. */
  readonly end: Promise<'complete' | 'broken'>;
  /** Goes away without a word. */
  leave(): void;
}

/** Opens the stream and reads it until it ends. */
export async function openEvents(
  baseUrl: string,
  orderId: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStream> {
  const leaving = new AbortController();
  const response = await fetch(`${baseUrl}/orders/${orderId}/events`, { headers, signal: leaving.signal });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const events: OrderEventFrame[] = [];
  let heartbeats = 0;
  const seen = () => events.map(({ id, event }) => (id === undefined ? event : `${id} ${event}`));

  async function read(): Promise<'complete' | 'broken'> {
    let text = '';
    try {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const frames = text.split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) {
          if (frame.startsWith(':')) heartbeats += 1;
          else if (!frame.startsWith('retry:')) events.push(parse(frame));
        }
      }
      return 'complete';
    } catch {
      return 'broken';
    }
  }

  return {
    response,
    events,
    heartbeats: () => heartbeats,
    seen,
    until: (event) =>
      eventually(() => {
        const place = events.findIndex((frame) => frame.event === event);
        if (place < 0) throw new Error(`no ${event} among ${seen().join(', ')}`);
        return place;
      }),
    end: read(),
    leave: () => leaving.abort(),
  };
}

function parse(frame: string): OrderEventFrame {
  const fields = new Map(
    frame.split('\n').map((line): [string, string] => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    }),
  );
  return {
    id: fields.get('id'),
    event: fields.get('event') ?? '',
    data: JSON.parse(fields.get('data') ?? 'null') as OrderEventFrame['data'],
  };
}
