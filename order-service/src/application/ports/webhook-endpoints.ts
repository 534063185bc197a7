/** A request to a receiver. */
export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** What came back: a status, or the reason why there is none. */
export interface WebhookAnswer {
  readonly statusCode?: number | undefined;
  readonly error?: string | undefined;
  /** In milliseconds, from the header `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
  /** The beginning of the body. */
  readonly response?: string | undefined;
}

/** The addresses that customers gave us, which may lead anywhere. */
export interface WebhookEndpoints {
  /** Answers the address as it is to be kept. @throws AppError `WEBHOOK_URL_REFUSED` where it leads to what is not public. */
  check(url: string): Promise<string>;
  /** Checks the address again, and posts to it. Whatever goes wrong is an answer, too. */
  post(request: WebhookRequest): Promise<WebhookAnswer>;
}
