import type { Alert, AlertFix } from '../../proto/http/alerts.ts';
import type { Severity, Transition } from '../../proto/model/alerts/kinds.ts';
import type { TargetColumns } from '../policies/targets.ts';
import type { Window } from './windows.ts';

/** An alert as lists show it. */
export interface AlertRow {
  id: string;
  tenantId: string | null;
  tenantName: string | null;
  siteId: string | null;
  siteName: string | null;
  gatewayId: string | null;
  gatewayName: string | null;
  rule: string;
  kind: Alert['kind'];
  severity: Severity;
  state: Alert['state'];
  fingerprint: string;
  title: string;
  cause: Alert['cause'] | null;
  likely: string | null;
  value: number | null;
  limit: number | null;
  pendingSince: Date;
  raisedAt: Date | null;
  clearedAt: Date | null;
  changedAt: Date;
  acknowledgedByName: string | null;
  acknowledgedAt: Date | null;
  assignedToId: string | null;
  assignedToName: string | null;
  silencedUntil: Date | null;
  silencedByName: string | null;
  silenceReason: string | null;
  parentId: string | null;
  children: number;
  wanEventId: string | null;
  remediationId: string | null;
  evidence: { measures: string[]; from: string; to: string } | null;
  fix: AlertFix | null;
}

export interface TransitionRow {
  id: string;
  transition: Transition;
  at: Date;
  byName: string | null;
  note: string | null;
}

/** A stored document with the names of what it is for. */
export interface RulesRow extends TargetColumns {
  id: string;
  tenantId: string | null;
  name: string;
  revision: number;
  document: string;
  changedByName: string;
  changedAt: Date;
  tenantName: string | null;
  siteName: string | null;
  gatewayName: string | null;
}

export type NewRules = Omit<RulesRow, 'tenantName' | 'siteName' | 'gatewayName'> & { nameKey: string };

/** A gateway as rules and windows are judged for it. */
export interface GatewayPlace {
  id: string;
  name: string;
  tenantId: string;
  siteId: string;
  tags: string[];
  timeZone: string;
}

/** A stored window with who planned it. */
export interface WindowRow extends Window {
  createdByName: string;
  createdAt: Date;
}
