import type { HttpServer } from './http-server.ts';

/**
 * Learns from the routes which methods an address takes. Has to be called before routes are added.
 *
 * @returns what tells them for the path of a request, sorted; none where nothing is
 */
export function watchMethods(app: Pick<HttpServer, 'addHook'>): (path: string) => readonly string[] {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: toPattern(url), methods: [method].flat() });
  });
  return (path) => {
    const methods = routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  };
}

/** `/orders/:id/*` as an expression for the paths that it stands for. */
function toPattern(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : RegExp.escape(part);
  });
  return new RegExp(`^${parts.join('/')}$`);
}
