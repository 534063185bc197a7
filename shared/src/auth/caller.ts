import { AppError } from '../kernel/errors.ts';

/** What a caller may do; `orders:admin` includes the other two about orders, for every customer. */
export const scopes = ['orders:read', 'orders:write', 'orders:admin', 'ops'] as const;
export type Scope = (typeof scopes)[number];

/** Who asks for something: the subject of a verified token, and what it allows. */
export interface Caller {
  readonly subject: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Until when the token is believed; absent where there is none. */
  readonly expiresAt?: Date;
}

/** Everybody, where authentication is off. */
export const anonymous: Caller = { subject: 'anonymous', scopes: new Set(scopes) };

/** Who asks at a public route: nobody we know, with no right to anything. */
export const nobody: Caller = { subject: 'nobody', scopes: new Set() };

/** @throws AppError `FORBIDDEN` naming the scope that is missing. */
export function requireScope(caller: Caller, scope: Scope): void {
  if (caller.scopes.has(scope)) return;
  if (scope.startsWith('orders:') && caller.scopes.has('orders:admin')) return;
  throw forbidden(`this needs the scope ${scope}`, scope);
}

/** Whether what belongs to any customer is this caller's business. */
export function mayActForAll(caller: Caller): boolean {
  return caller.scopes.has('orders:admin');
}

/** Whether what belongs to a customer is this caller's business. */
export function mayActFor(caller: Caller, customerId: string): boolean {
  return mayActForAll(caller) || caller.subject === customerId;
}

/** @throws AppError `FORBIDDEN` where the caller is neither that customer nor an administrator. */
export function requireCustomer(caller: Caller, customerId: string): void {
  if (mayActFor(caller, customerId)) return;
  throw forbidden('this token acts for its own customer only; others need orders:admin', 'orders:admin');
}

function forbidden(message: string, scope: Scope): AppError {
  return new AppError({ code: 'FORBIDDEN', kind: 'rejected', message, data: { scope } });
}
