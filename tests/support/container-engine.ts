import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';

type Engine = ContainerRuntimeClient['container']['dockerode'];

/** Whether containers of the wanted images can be started here, and if not, why: the end of a sentence. */
export type EngineState =
  | { readonly usable: true; readonly version: string }
  | { readonly usable: false; readonly reason: string };

/**
 * Looks for a container engine the way testcontainers does (DOCKER_HOST, its own settings, the usual sockets) and makes
 * sure that it has all `images`, pulling what is missing.
 *
 * @param options.timeoutMs how long all of that may take. An image that needs a log-in is only used if it was pulled
 *   beforehand.
 */
export async function prepareEngine(options: {
  readonly images: readonly string[];
  readonly timeoutMs: number;
}): Promise<EngineState> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const client = await Promise.race([getContainerRuntimeClient().catch(() => undefined), aborted(deadline)]);
  if (client === undefined) return { usable: false, reason: 'no Docker engine answers' };

  const engine = client.container.dockerode;
  for (const image of options.images) {
    if (await hasImage(engine, image)) continue;
    try {
      await pull(engine, image, deadline);
    } catch (error) {
      const why = deadline.aborted ? `not within ${options.timeoutMs / 1000} s` : messageOf(error);
      return { usable: false, reason: `the Docker engine has no image ${image} and cannot pull it (${why})` };
    }
  }
  return { usable: true, version: String(client.info.containerRuntime.serverVersion) };
}

/** Removes every container, running or not, that carries the label. */
export async function removeContainers(label: string): Promise<void> {
  const { dockerode: engine } = (await getContainerRuntimeClient()).container;
  const containers = await engine.listContainers({ all: true, filters: { label: [label] } });
  await Promise.all(containers.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })));
}

async function hasImage(engine: Engine, image: string): Promise<boolean> {
  try {
    await engine.getImage(image).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

/** An image without a tag means `:latest` here; the engine would pull all its tags. */
async function pull(engine: Engine, image: string, abortSignal: AbortSignal): Promise<void> {
  abortSignal.throwIfAborted();
  const reference = /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
  const progress = await engine.pull(reference, { abortSignal });
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
  });
}

/** The engine's own words, without what its client puts before them. */
function messageOf(error: unknown): string {
  return (error as Error).message.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
