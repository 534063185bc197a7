import closeWithGrace from 'close-with-grace';
import { pino } from 'pino';
import { parseConfig } from './config.ts';
import { openLedger } from './ledger.ts';
import { buildServer } from './server.ts';

const config = parseConfig(process.env);
const logger = pino({ name: 'payment-sandbox', level: config.logLevel });
const ledger = openLedger({
  file: config.ledgerFile,
  now: () => new Date(),
  onTorn: (tail) =>
    logger.warn(
      { file: config.ledgerFile, bytes: Buffer.byteLength(tail), tail: tail.slice(0, 200) },
      'torn line cut off',
    ),
});
const app = await buildServer({ ledger, delays: config.delays, logger });

closeWithGrace({ delay: 5_000, logger }, async ({ err, signal }) => {
  if (err) logger.fatal({ err }, 'stopping after an error');
  else logger.info({ signal }, 'stopping');
  await app.close();
});

await app.listen({ host: config.host, port: config.port });
