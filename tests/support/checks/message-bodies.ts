import type { Failure } from '../evidence.ts';

/** What the checks look at in the bodies of messages. */
export interface ReplyData {
  readonly run?: number;
  readonly refundId?: string;
  readonly status?: string;
  readonly full?: boolean;
  readonly failure?: Failure;
}

export function dataOf(body: string): ReplyData {
  return (JSON.parse(body) as { data: ReplyData }).data;
}

/** What makes one announcement of a type another one than the next. */
export function turnOf(body: string): string {
  const { run, refundId = '' } = dataOf(body);
  return `${run} ${refundId}`;
}

export function sequenceIn(body: string): number {
  return (JSON.parse(body) as { sequence?: number }).sequence ?? 0;
}
