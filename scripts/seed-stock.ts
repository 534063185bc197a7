/**
 * Gives SKU-001 to SKU-100 plenty of stock where they are new: `node scripts/seed-stock.ts`. What is there stays as it
 * is, so that a restart does not refill what was sold.
 */
import pg from 'pg';

const skuCount = 100;
const plenty = 1_000_000;

/** Seeds the database at `url` and tells how many SKUs were new. */
export async function seedStock(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query(
      `INSERT INTO stock (sku, on_hand, received, updated_at)
       SELECT 'SKU-' || lpad(number::text, 3, '0'), $2, $2, now()
       FROM generate_series(1, $1::int) AS number
       ON CONFLICT (sku) DO NOTHING`,
      [skuCount, plenty],
    );
    return rowCount ?? 0;
  } finally {
    await client.end();
  }
}

if (import.meta.main) {
  const url = process.env.PROCESSOR_DATABASE_URL;
  if (!url) {
    console.error('PROCESSOR_DATABASE_URL is not set: say which database');
    process.exit(1);
  }
  try {
    console.log(`${await seedStock(url)} of ${skuCount} SKUs were new and have stock now`);
  } catch (error) {
    console.error(`cannot seed the stock: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
