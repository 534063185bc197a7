/** An order about which the processor-service has something to say: a beginning, an end, or the answer to a wish. */
export interface AwaitedOrder {
  readonly id: string;
  readonly status: string;
  /**
   * Whether nothing has happened to it for too long, nor was it asked about again: for as long as it had been waiting when
   * that was done for the last time.
   */
  readonly isDue: boolean;
}

/** What order_db tells about orders that wait for the processor-service. */
export interface AwaitedOrders {
  /**
   * The next ones behind the id `after`, of those placed before the id `until`, by id.
   *
   * @param options.overdueMs how long the processor-service may take
   * @throws AppError `DATABASE_UNAVAILABLE`
   */
  next(options: {
    after: string;
    until: string;
    limit: number;
    overdueMs: number;
  }): Promise<readonly AwaitedOrder[]>;
}
