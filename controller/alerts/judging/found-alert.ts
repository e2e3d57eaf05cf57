import type { AlertKind, Severity } from '../../../proto/model/alerts/kinds.ts';
import type { AlertFix } from '../../../proto/http/alerts.ts';
import type { Facts } from './words.ts';

/** Something that pends or is to be raised, as it is written. The same thing has the same fingerprint each time it happens. */
export interface FoundAlert {
  id: string;
  fingerprint: string;
  /** Absent: of the installation. */
  tenantId?: string;
  siteId?: string;
  gatewayId?: string;
  rule: string;
  kind: AlertKind;
  severity: Severity;
  pendingSince: Date;
  /** Absent while it only pends. */
  raisedAt?: Date;
  wanEventId?: string;
  remediationId?: string;
  title: string;
  value?: number;
  limit?: number;
  cause?: Facts['cause'];
  likely?: string;
  evidence?: { measures: string[]; from: string; to: string };
  fix?: AlertFix;
}

/** An alert that is not cleared, as far as others are placed by it. */
export interface OpenAlert {
  id: string;
  fingerprint: string;
  gatewayId: string | null;
  kind: string;
  severity: string;
  parentId: string | null;
  pendingSince: Date;
  /** It pends, and is not raised yet. */
  isPending: boolean;
}

/** Of a rule on a gateway. */
export function fingerprintOf(rule: string, of: string): string {
  return `${rule}:${of}`;
}

/** What is found to be, and no longer to be, in one go. */
export interface Findings {
  found: FoundAlert[];
  cleared: { fingerprint: string; at: Date }[];
  /** Pended only. */
  withdrawn: string[];
}
