import type { Finding, Terms } from '#shared/audit/check.ts';
import { createPublicationAudit } from './checks/published-is-committed.ts';
import type { Context, Witnesses } from './collect-cases.ts';
import { readEventLog } from './witnesses/event-log.ts';

/**
 * Reads the event log once and holds it against both outboxes.
 *
 * @param options.since in milliseconds since 1970; left out: as far back as the log goes
 * @param options.onMessages called with how many more were read
 * @throws AppError `BROKER_UNAVAILABLE`
 */
export async function compareEventLog(
  { orders, processor, brokerUrl }: Witnesses,
  options: {
    since: number | undefined;
    terms: Terms;
    edits: Context['edits'];
    onMessages: (count: number) => void;
  },
): Promise<readonly Finding[]> {
  const { since, terms, edits, onMessages } = options;
  const findings: Finding[] = [];
  const comparison = createPublicationAudit({
    terms,
    edits: new Set([...edits.values()].flat()),
    since,
    begunAt: terms.at,
  });
  await readEventLog(brokerUrl, since, async (batch) => {
    const ids = [...new Set(batch.flatMap(({ orderId }) => orderId ?? []))];
    const [order_db, processor_db] = [
      await orders.publicationsAbout(ids),
      await processor.publicationsAbout(ids),
    ];
    findings.push(...comparison.messages(batch, { order_db, processor_db }));
    onMessages(batch.length);
  });
  for await (const rows of orders.publications(since)) findings.push(...comparison.rows('order_db', rows));
  for await (const rows of processor.publications(since))
    findings.push(...comparison.rows('processor_db', rows));
  return findings;
}
