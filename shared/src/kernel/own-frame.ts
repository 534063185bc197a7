/** Ends with a slash. */
const root = decodeURI(new URL('../../../', import.meta.url).pathname);

/** They translate errors or hand them on: what went wrong did so further out. */
const passages =
  /^shared\/src\/(kernel\/(errors|batcher|retry)|postgres\/(database-errors|statement|transaction))\.ts$/;

/** `at async pay (file:///…/process-order.ts:12:3)`, or without a function's name `at file:///…/process-order.ts:12:3`. */
const framePattern = /^\s*at (?:(?:async )?(.*?) \()?(?:async )?(?:file:\/\/)?(\/.*):\d+:\d+\)?$/;

const mostCauses = 10;
const longest = 200;

export const unknownFrame = 'unknown';

/**
 * Where in our own code an error arose: the innermost own stack frame as `path function`, without a line number, so that
 * it stays the same while the file changes around it. The deepest cause is asked first, those further out when none of
 * its frames is ours. Never fails, whatever was thrown.
 */
export function ownFrame(error: unknown): string {
  return causesOf(error).map(frameOf).find(Boolean)?.slice(0, longest) ?? unknownFrame;
}

/** Innermost first. */
function causesOf(error: unknown): readonly Error[] {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < mostCauses; cause = cause.cause) {
    causes.unshift(cause);
  }
  return causes;
}

function frameOf({ stack }: Error): string | undefined {
  for (const line of String(stack).split('\n')) {
    const [, name = '', location = ''] = framePattern.exec(line) ?? [];
    if (!location.startsWith(root) || location.includes('/node_modules/')) continue;
    const path = location.slice(root.length);
    if (!passages.test(path)) return `${path} ${nameOf(name)}`;
  }
  return undefined;
}

/** What a function is called in its source: `Object.handle [as handle]` is `handle`. */
function nameOf(name: string): string {
  const called = name.replace(/ \[as .*\]$/, '').replace(/^(Object|Function|new)[. ]/, '');
  return called === '' || called === '<anonymous>' ? 'anonymous' : called;
}
