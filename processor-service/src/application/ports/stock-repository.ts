import type { Stock } from '../../domain/stock.ts';

/** The stock counts as people see and set them. Every method may throw `DATABASE_UNAVAILABLE`. */
export interface StockRepository {
  find(sku: string): Promise<Stock | undefined>;
  /** Those there are of these, in no order. */
  findAll(skus: readonly string[]): Promise<readonly Stock[]>;
  /** In the order of the SKUs, those after `after`. */
  list(query: { after?: string | undefined; limit: number }): Promise<readonly Stock[]>;
  /** Sets how many are free to be promised; the difference counts as received or written off. */
  setOnHand(sku: string, onHand: number): Promise<Stock>;
}
