import { defineConfig, env } from 'prisma/config';

// For Prisma's own command line, such as `prisma studio --config prisma/processor/prisma.config.ts`. The project itself
// generates and migrates with scripts/prisma, which need no download.
export default defineConfig({
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  datasource: { url: env('PROCESSOR_MIGRATION_DATABASE_URL') },
});
