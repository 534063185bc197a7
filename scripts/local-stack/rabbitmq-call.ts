import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { loopbackOnly, nodeName } from './rabbitmq-configuration.ts';

/**
 * Has a node of ours evaluate one of its own functions. `rabbitmqctl` could do the same, and takes seconds of processor time
 * to begin.
 *
 * @param options.env what the node was started with: where it is found, and the cookie that lets one in
 * @param options.call its module, function and list of arguments, in Erlang
 * @throws Error with the node's complaint, or when there is no answer within that time.
 */
export async function callNode(options: {
  env: NodeJS.ProcessEnv;
  call: readonly [module: string, functionName: string, args: string];
  withinMs: number;
}): Promise<void> {
  const { env, call, withinMs } = options;
  const answer = `rpc:call('${nodeName}', ${call.join(', ')})`;
  const evaluation = `case ${answer} of {badrpc, Why} -> io:format(standard_error, "~p~n", [Why]), halt(1); _ -> halt() end.`;
  const flags = ['-noinput', '-hidden', '-start_epmd', 'false', '-sname', `call-${process.pid}@localhost`];
  await promisify(execFile)('erl', [...flags, ...loopbackOnly, '-eval', evaluation], {
    env,
    timeout: withinMs,
    killSignal: 'SIGKILL',
  });
}
