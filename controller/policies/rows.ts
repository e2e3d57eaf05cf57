import type { Policy } from '../generated/prisma/client.ts';

/** A stored policy without its document, with the names of what it is for. */
export type PolicyRow = Omit<Policy, 'document'> & {
  tenant: { name: string } | null;
  site: { name: string } | null;
  gateway: { name: string } | null;
};

/** The same with its document. */
export type WholePolicyRow = PolicyRow & Pick<Policy, 'document'>;
