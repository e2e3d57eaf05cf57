import { Prisma } from '../generated/prisma/client.ts';
import type { Transaction } from '../platform/database.ts';

/**
 * The chains that a table has rows of, in scope: one step of its primary key per chain, however many rows each has. Not from the heads: a
 * head that somebody removed must not hide what else is known of its chain.
 */
export async function chainNames(t: Transaction, table: 'audit_checkpoint' | 'audit_stub'): Promise<string[]> {
  const name = Prisma.raw(table);
  const rows = await t.$queryRaw<{ chain: string }[]>`
    WITH RECURSIVE found AS (
      (SELECT chain FROM ${name} ORDER BY chain LIMIT 1)
      UNION ALL
      SELECT (SELECT chain FROM ${name} WHERE chain > found.chain ORDER BY chain LIMIT 1) FROM found WHERE found.chain IS NOT NULL
    )
    SELECT chain FROM found WHERE chain IS NOT NULL`;
  return rows.map(({ chain }) => chain);
}
