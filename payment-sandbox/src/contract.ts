import { z } from 'zod';

/** What the provider accepts and answers, as its OpenAPI document shows it. */

export const idempotencyKeySchema = z.string().min(1).max(255);

const amountSchema = z.int().positive().describe('In minor units of the currency (cents)');
const currencySchema = z
  .string()
  .regex(/^[A-Z]{3}$/, 'must be three capital letters')
  .describe('ISO 4217 code');

export const chargeRequestSchema = z.object({
  reference: z.string().min(1).max(255).describe("The merchant's name for what is paid, e.g. an order id"),
  amountMinor: amountSchema,
  currency: currencySchema,
  capture: z.boolean().default(true).describe('false only authorises; the money moves with /capture'),
});
export type ChargeRequest = z.output<typeof chargeRequestSchema>;

export const refundRequestSchema = z.object({
  amountMinor: amountSchema.optional().describe('Left out: everything that has not been refunded yet'),
});

export const paymentStatusSchema = z.enum([
  'authorized',
  'captured',
  'partially_refunded',
  'refunded',
  'voided',
  'declined',
  'cancelled',
]);
export type PaymentStatus = z.output<typeof paymentStatusSchema>;

export const paymentSchema = z.object({
  id: z.string(),
  key: idempotencyKeySchema,
  reference: z.string(),
  amountMinor: amountSchema,
  currency: currencySchema,
  capture: z.boolean(),
  status: paymentStatusSchema,
  capturedMinor: z.int().nonnegative(),
  refundedMinor: z.int().nonnegative(),
  reason: z.string().optional().describe('Why it was declined'),
  createdAt: z.iso.datetime(),
});
export type Payment = Readonly<z.output<typeof paymentSchema>>;

export const refundSchema = z.object({
  id: z.string(),
  paymentId: z.string(),
  amountMinor: amountSchema,
  currency: currencySchema,
  createdAt: z.iso.datetime(),
});
export type Refund = Readonly<z.output<typeof refundSchema>>;

/** What is known under an idempotency key; `processing`: a request with it is being worked on, its end is open. */
export const keyStateSchema = z.object({
  key: idempotencyKeySchema,
  status: z.enum([...paymentStatusSchema.options, 'processing']),
  payment: paymentSchema.nullable(),
});
export type KeyState = Readonly<z.output<typeof keyStateSchema>>;

export const entryKindSchema = z.enum([
  'authorized',
  'captured',
  'voided',
  'refunded',
  'declined',
  'cancelled',
]);
export type EntryKind = z.output<typeof entryKindSchema>;

export const ledgerEntrySchema = z.object({
  seq: z.int().positive().describe('Gapless, from 1'),
  time: z.iso.datetime(),
  kind: entryKindSchema,
  paymentId: z.string().nullable().describe('null: a key was cancelled before it was ever charged'),
  key: idempotencyKeySchema.describe('Idempotency key of the charge'),
  reference: z.string().nullable(),
  amountMinor: z.int().nonnegative().describe('Money moved, held or refused; 0 for `cancelled`'),
  currency: currencySchema.nullable(),
  capture: z.boolean().optional().describe('Only on `declined`: whether a capture was asked for'),
  reason: z.string().optional().describe('Only on `declined`'),
  refundId: z.string().optional().describe('Only on `refunded`'),
  refundKey: z.string().optional().describe('Only on `refunded`, if asked for with an idempotency key'),
});
export type LedgerEntry = Readonly<z.output<typeof ledgerEntrySchema>>;

export const ledgerPageSchema = z.object({
  items: z.array(ledgerEntrySchema),
  nextCursor: z.string().nullable().describe('null: there is nothing behind this page yet'),
});
export type LedgerPage = Readonly<z.output<typeof ledgerPageSchema>>;

export const currencyTotalsSchema = z.object({
  currency: currencySchema,
  entries: z.record(entryKindSchema, z.int().nonnegative()).describe('How many entries of each kind'),
  capturedMinor: z.int().nonnegative(),
  refundedMinor: z.int().nonnegative(),
  netMinor: z.int().nonnegative().describe('captured − refunded: what the merchant holds'),
});

export const ledgerSummarySchema = z.object({
  entries: z.int().nonnegative(),
  payments: z.int().nonnegative().describe('Charges decided, declined ones included'),
  cancelledKeys: z.int().nonnegative(),
  currencies: z.array(currencyTotalsSchema),
});
export type LedgerSummary = Readonly<z.output<typeof ledgerSummarySchema>>;
