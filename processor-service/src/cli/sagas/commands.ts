import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import type { ReadSagas } from '../../application/read-sagas.ts';
import type { ResumeSaga } from '../../application/resume-saga.ts';
import { type Saga, type SagaState, sagaStates, stuckRefundsOf } from '../../domain/saga.ts';
import { readText, requireSense, wrongUse } from '../wrong-use.ts';

const usage = `usage: npm run sagas -- <command>

  list [--state <state>]             the sagas, those of the newest orders first
  show <order>                       everything about one
  resume <order> [--reason <text>]   let it go on, once what it waits for is repaired

States: ${sagaStates.join(', ')}.
needs_attention includes completed sagas with a refund that does.`;

const commands: readonly string[] = ['list', 'show', 'resume'];

/** How it is used, with a word about a command that does not exist. */
export function usageFor(word: string | undefined): string {
  const isUnknown = word !== undefined && !word.startsWith('-') && !commands.includes(word);
  return isUnknown ? `there is no command ${word}\n\n${usage}` : usage;
}

/** What an operator wants done. */
export type SagaCommand = (useCases: { readSagas: ReadSagas; resumeSaga: ResumeSaga }) => Promise<void>;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const pageSize = 200;

/**
 * Reads the command line; `undefined` when it asks for help or makes no sense.
 *
 * @throws TypeError naming an option that does not exist, AppError `VALIDATION_FAILED`.
 */
export function readCommandLine(args: readonly string[]): SagaCommand | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { state: { type: 'string' }, reason: { type: 'string' }, help: { type: 'boolean' } },
  });
  const [command, order] = positionals;
  if (values.help) return undefined;
  requireSense(values, positionals);
  const mostWords = command === 'list' ? 1 : 2;
  if (positionals.length > mostWords) throw wrongUse(`what is ${positionals[mostWords]} to ${command}?`);
  if (command === 'list') {
    const state = values.state === undefined ? undefined : readState(values.state);
    return ({ readSagas }) => list(readSagas, state);
  }
  if (order === undefined) return undefined;
  const orderId = readOrderId(order);
  if (command === 'show') {
    return async ({ readSagas }) => console.log(JSON.stringify(await readSagas.get(orderId), null, 2));
  }
  if (command === 'resume') {
    const reason = values.reason === undefined ? undefined : readText('--reason', values.reason);
    return async ({ resumeSaga }) => {
      const saga = await resumeSaga({ orderId, operator: userInfo().username, reason });
      console.log(`resumed ${describe(saga)}`);
    };
  }
  return undefined;
}

async function list(readSagas: ReadSagas, state: SagaState | undefined): Promise<void> {
  let count = 0;
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await readSagas.list({ state, cursor, limit: pageSize });
    const width = Math.max(...items.map((saga) => saga.state.length));
    for (const saga of items) console.log(describe(saga, width));
    count += items.length;
    cursor = nextCursor;
    if (cursor === undefined) break;
  }
  console.log(count === 0 ? 'no sagas' : `${count} saga${count === 1 ? '' : 's'}`);
}

/** One line; in a list the states are as wide as the widest, so that what follows stands below each other. */
function describe(saga: Saga, stateWidth = 0): string {
  const { order, state, run, attempts, deadlineAt } = saga;
  const trouble = saga.trouble ?? stuckRefundsOf(saga)[0]?.trouble;
  return [
    `${order.orderId}  ${state.padEnd(stateWidth)}  run ${run}`,
    ...(attempts > 0 ? [`${attempts} failed attempt${attempts === 1 ? '' : 's'}`] : []),
    ...(trouble ? [`${trouble.code}: ${trouble.message}`] : []),
    ...(stuckRefundsOf(saga).length > 0 ? [needOf(stuckRefundsOf(saga).length)] : []),
    ...(deadlineAt ? [`next look ${deadlineAt.toISOString()}`] : []),
  ].join('  ');
}

function needOf(refunds: number): string {
  return refunds === 1 ? '1 refund needs attention' : `${refunds} refunds need attention`;
}

function readState(text: string): SagaState {
  const state = sagaStates.find((known) => known === text);
  if (!state) throw wrongUse(`there is no state ${text}; there are ${sagaStates.join(', ')}`);
  return state;
}

function readOrderId(text: string): string {
  if (!uuid.test(text)) throw wrongUse(`${text} is not the id of an order`);
  return text;
}
