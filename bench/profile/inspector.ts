/** A CPU profile as V8 writes it and Chrome's developer tools read it; times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Node that was running at each sample. */
  readonly samples: readonly number[];
  /** Time before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

const samplingIntervalUs = 500;

/** Starts recording in the process whose inspector listens on that port; call the result to end and get the profile. */
export async function startCpuProfile(inspectorPort: number): Promise<() => Promise<CpuProfile>> {
  const session = await connectInspector(inspectorPort);
  await session.send('Profiler.enable');
  await session.send('Profiler.setSamplingInterval', { interval: samplingIntervalUs });
  await session.send('Profiler.start');
  return async () => {
    const { profile } = (await session.send('Profiler.stop')) as { profile: CpuProfile };
    session.close();
    return profile;
  };
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

async function connectInspector(port: number) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const [{ webSocketDebuggerUrl }] = targets as [{ webSocketDebuggerUrl: string }];
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error(`no inspector answers on port ${port}`)));
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(String(data)) as Answer;
    const request = waiting.get(id);
    waiting.delete(id);
    if (error) request?.reject(new Error(error.message));
    else request?.resolve(result);
  });
  socket.addEventListener('close', () => {
    for (const request of waiting.values()) request.reject(new Error('the inspector hung up'));
  });
  let sent = 0;
  return {
    send(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
      sent += 1;
      const request = Promise.withResolvers<unknown>();
      waiting.set(sent, request);
      socket.send(JSON.stringify({ id: sent, method, params }));
      return request.promise;
    },
    close: () => socket.close(),
  };
}
