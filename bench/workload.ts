/** One order of the bench. What it takes and costs follows from its number, so the verification knows it as well. */
export interface PlannedOrder {
  readonly customerId: string;
  readonly sku: string;
  readonly quantity: number;
  readonly unitPriceMinor: number;
}

export interface Workload {
  /** Every order takes the same SKU. */
  readonly hotSku: boolean;
  /** Every request has an idempotency key. */
  readonly keys: boolean;
}

export const currency = 'EUR';
const skuCount = 100;
const customerCount = 1_000;

/** The order of that number. Its total stays far below the amounts that make the payment sandbox misbehave. */
export function planOrder(index: number, { hotSku }: Pick<Workload, 'hotSku'>): PlannedOrder {
  const sku = hotSku ? 0 : index % skuCount;
  return {
    customerId: `customer-${index % customerCount}`,
    sku: `SKU-${String(sku + 1).padStart(3, '0')}`,
    quantity: 1 + (index % 3),
    unitPriceMinor: 500 + (index % 97) * 100,
  };
}

/** What it costs, in minor units. */
export function totalOf({ quantity, unitPriceMinor }: PlannedOrder): number {
  return quantity * unitPriceMinor;
}

/** The headers of the `POST /orders` of the order of that number. */
export function requestHeaders(index: number, { keys }: Workload): Record<string, string> {
  return { 'content-type': 'application/json', ...(keys ? { 'idempotency-key': `order-${index}` } : {}) };
}

/** The body of its `POST /orders`. */
export function requestBody({ customerId, sku, quantity, unitPriceMinor }: PlannedOrder): string {
  const unitPrice = { amountMinor: unitPriceMinor, currency };
  return JSON.stringify({ customerId, currency, items: [{ sku, quantity, unitPrice }] });
}
