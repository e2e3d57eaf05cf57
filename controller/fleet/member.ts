import type { Gateway } from '../../proto/http/fleet.ts';
import { attentionOf, type Attention } from '../../proto/model/attention.ts';
import { isSuspect } from '../../proto/model/fleet-figures.ts';
import { toGatewayView, viewChangesAt, type CertificateLives, type GatewayReading } from '../gateways/gateway-view.ts';
import { showEach } from '../platform/cursor.ts';

/** Where a gateway belongs and what it is called: what lists are filtered and ordered by. */
export interface Place {
  readonly id: string;
  readonly tenantId: string;
  readonly siteId: string;
  readonly tenantName: string;
  readonly siteName: string;
  readonly name: string;
}

/** One gateway of the fleet as it is served. Never changed: what has changed is another object. */
export interface Member extends Place {
  /** Undefined if it cannot be shown. */
  readonly gateway: Gateway | undefined;
  readonly unreadable: string | undefined;
  readonly attention: Attention | undefined;
  /** Flows may be stuck there. */
  readonly isSuspect: boolean;
  /** When it changes although nothing more is read about it. */
  readonly changesAtMs: number | undefined;
}

/** What is served of a gateway that can be shown. */
export function memberOf(gateway: Gateway, changesAtMs?: number): Member {
  const { id, tenantId, siteId, tenantName, siteName, name } = gateway;
  return {
    id,
    tenantId,
    siteId,
    tenantName,
    siteName,
    name,
    gateway,
    unreadable: undefined,
    attention: attentionOf(gateway),
    isSuspect: isSuspect(gateway),
    changesAtMs,
  };
}

/** What is served of a gateway at a time. A row that cannot be shown says why. */
export function toMember({ row, usage }: GatewayReading, lives: CertificateLives, nowMs: number): Member {
  const changesAtMs = viewChangesAt(row, usage, lives, nowMs);
  const { items, unreadable } = showEach([row], () => toGatewayView(row, usage, lives, nowMs));
  const [gateway] = items;
  if (gateway) return memberOf(gateway, changesAtMs);
  return {
    id: row.id,
    tenantId: row.tenantId,
    siteId: row.siteId,
    tenantName: row.tenant.name,
    siteName: row.site.name,
    name: row.name,
    gateway,
    unreadable: unreadable![0]!.reason,
    attention: undefined,
    isSuspect: false,
    changesAtMs,
  };
}
