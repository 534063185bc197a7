import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { openLedger } from '../ledger.ts';
import type { Delays } from '../scenarios.ts';
import { buildServer } from '../server.ts';

export interface Reply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** A provider in this process, spoken to over a real socket on a free port. */
export interface RunningSandbox {
  url: string;
  /** POST /payments for 12.00 EUR, unless told otherwise. */
  charge(
    key: string,
    changes?: object,
    options?: { scenario?: string; signal?: AbortSignal },
  ): Promise<Reply>;
  call(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Reply>;
  /** Kind, key and amount of every ledger entry. */
  entries(): Promise<string[]>;
  stop(): Promise<void>;
}

/** @param options.file keeps the ledger; without it, it is forgotten with the sandbox */
export async function startSandbox(
  options: { file?: string; delays?: Delays } = {},
): Promise<RunningSandbox> {
  const ledger = openLedger({ file: options.file, now: () => new Date() });
  const delays = options.delays ?? { slow: 20, verySlow: 60_000 };
  const app = await buildServer({ ledger, delays, logger: pino({ level: 'silent' }) });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;

  const send = async (path: string, init: RequestInit): Promise<Reply> => {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
  };

  const call: RunningSandbox['call'] = (method, path, body, headers = {}) =>
    body === undefined
      ? send(path, { method, headers })
      : send(path, {
          method,
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        });

  return {
    url,
    call,
    charge(key, changes = {}, { scenario, signal } = {}) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': key };
      return send('/payments', {
        method: 'POST',
        headers: scenario === undefined ? headers : { ...headers, 'x-sandbox-scenario': scenario },
        body: JSON.stringify({ reference: 'order-1', amountMinor: 1200, currency: 'EUR', ...changes }),
        signal: signal ?? null,
      });
    },
    async entries() {
      const { body } = await call('GET', '/ledger?limit=1000');
      const items = body.items as { kind: string; key: string; amountMinor: number }[];
      return items.map(({ kind, key, amountMinor }) => `${kind} ${key} ${amountMinor}`);
    },
    stop: () => app.close(),
  };
}

/** Asks again until it holds. @throws when it does not within five seconds */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Still not so after 5 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
