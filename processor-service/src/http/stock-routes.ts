import { z } from 'zod';
import { problems } from '#shared/http/problem.ts';
import type { HttpServer } from '#shared/http/server.ts';
import { text } from '#shared/http/text.ts';
import { AppError } from '#shared/kernel/errors.ts';
import { pageOf } from '#shared/kernel/page.ts';
import type { StockRepository } from '../application/ports/stock-repository.ts';

const tags = ['stock'];

/** As orders name it. */
const skuParams = z.object({ sku: text(64) });

const listQuery = z.strictObject({
  cursor: text(64).optional().describe('The nextCursor of the previous page'),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

const mostOnHand = 1_000_000_000;
const stockBody = z.strictObject({ onHand: z.int().nonnegative().max(mostOnHand) });

const stockResource = z
  .object({
    sku: z.string(),
    onHand: z.int().describe('Free to be promised'),
    reserved: z.int().describe('Promised to orders under way'),
    shipped: z.int().describe('Gone with completed orders'),
  })
  .meta({ id: 'Stock' });

/** The REST side of stock, for people who look after it. */
export function registerStockRoutes(app: HttpServer, dependencies: { stock: StockRepository }): void {
  const { stock } = dependencies;

  app.get(
    '/stock',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'listStock',
        tags,
        summary: 'Stock, by SKU',
        querystring: listQuery,
        response: {
          200: z.object({ items: z.array(stockResource), nextCursor: z.string().optional() }),
          ...problems(400, 503),
        },
      },
    },
    async ({ query: { cursor, limit } }) => {
      // One more than asked for tells whether there is a next page.
      const found = await stock.list({ after: cursor, limit: limit + 1 });
      const page = pageOf(found, limit, ({ sku }) => sku);
      return { ...page, items: [...page.items] };
    },
  );

  app.get(
    '/stock/:sku',
    {
      config: { access: 'ops' },
      schema: {
        operationId: 'getStock',
        tags,
        summary: 'Stock of one SKU',
        params: skuParams,
        response: { 200: stockResource, ...problems(400, 404, 503) },
      },
    },
    async (request) => {
      const { sku } = request.params;
      const found = await stock.find(sku);
      if (found) return found;
      throw new AppError({ code: 'SKU_NOT_FOUND', kind: 'rejected', message: `there is no SKU ${sku}` });
    },
  );

  app.put(
    '/stock/:sku',
    {
      config: { access: 'ops', answersOnce: true },
      schema: {
        operationId: 'setStock',
        tags,
        summary: 'Set how many pieces are free to be promised',
        description: 'Creates the SKU where it is new. What is reserved or shipped stays as it is.',
        params: skuParams,
        body: stockBody,
        response: { 200: stockResource, ...problems(400, 503) },
      },
    },
    async (request) => stock.setOnHand(request.params.sku, request.body.onHand),
  );
}
