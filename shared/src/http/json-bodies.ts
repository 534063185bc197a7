import { AppError } from '../kernel/errors.ts';
import type { HttpServer } from './http-server.ts';

/** Refuses JSON bodies that are nested deeper than `mostLevels`, before anything is made of them. */
export function limitJsonDepth(app: HttpServer, mostLevels: number): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
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
