import path from 'node:path';
import { defineConfig } from 'prisma/config';

// Prisma's command line is for writing migrations only; the controller applies them itself (controller/platform/migrations.ts).
// Without a native engine the WebAssembly one from npm serves.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= path.join(import.meta.dirname, 'tools/schema-engine.mjs');

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations', initShadowDb: '' },
  experimental: { externalTables: true },
  // What SQL alone describes: partitioned tables, and those with partial indexes that are written many rows at a time.
  tables: {
    external: [
      'public.alert',
      'public.alert_rules',
      'public.alert_state',
      'public.alert_sweep',
      'public.alert_transition',
      'public.delivery',
      'public.maintenance_window',
      'public.receiver',
      'public.roll_up',
      'public.sample',
      'public.sample_minute',
      'public.sample_hour',
    ],
  },
  datasource: { url: process.env.CTFLEET_MIGRATION_DATABASE_URL ?? 'postgresql://postgres@127.0.0.1:55432/ctfleet' },
});
