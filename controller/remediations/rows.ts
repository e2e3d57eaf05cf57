import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import type { Remediation, RemediationRun } from '../generated/prisma/client.ts';

/** A stored remediation with its document parsed. */
export type RemediationRow = Omit<Remediation, 'document'> & { document: RemediationDocument };

/** A stored run. */
export type RunRow = Omit<RemediationRun, 'flowsDroppedAt'> & Partial<Pick<RemediationRun, 'flowsDroppedAt'>>;

/** A summary of a remediation's recent runs. */
export interface RunSummary {
  runs: number;
  ended: number;
  lastAt?: Date;
  lastState?: string;
}
