import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../kernel/errors.ts';
import type { HttpServer } from './http-server.ts';

/** Reads JSON in UTF-8 as it is, and refuses what is nested deeper than `mostLevels` before anything is made of it. */
export function acceptJson(app: HttpServer, mostLevels: number): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    const unread = encodingNotRead(request.headers);
    if (unread !== undefined) return done(Object.assign(new Error(unread), { statusCode: 415 }));
    if (!isDeeperThan(body, mostLevels)) return parseJson(request, body, done);
    const message = `is nested deeper than ${mostLevels} levels`;
    const errors = [{ field: '', message }];
    done(
      new AppError({
        code: 'VALIDATION_FAILED',
        kind: 'rejected',
        message: `body: ${message}`,
        data: { errors },
      }),
    );
  });
}

function encodingNotRead(headers: IncomingHttpHeaders): string | undefined {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity')
    return `send the body as it is, without content-encoding ${encoding}`;
  const charset = /;\s*charset="?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  return /^utf-?8$/i.test(charset) ? undefined : `send JSON in UTF-8, not in ${charset}`;
}

const [quote, backslash, openList, closeList, openObject, closeObject] = Buffer.from('"\\[]{}');

/** One pass over the text, without parsing; text that is no JSON gets some answer. */
export function isDeeperThan(json: string, mostLevels: number): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json.charCodeAt(at);
    if (inText) {
      if (character === backslash) at += 1;
      else if (character === quote) inText = false;
    } else if (character === quote) inText = true;
    else if (character === openObject || character === openList) {
      depth += 1;
      if (depth > mostLevels) return true;
    } else if (character === closeObject || character === closeList) depth -= 1;
  }
  return false;
}
