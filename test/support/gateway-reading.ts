import type { GatewayReading, GatewayRow } from '../../controller/gateways/gateway-view.ts';
import type { Usage } from '../../controller/history/sample-row.ts';

/** An id that sorts by its number. */
export function idOf(number: number): string {
  return `019ab000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

interface Of {
  tenant?: number;
  name?: string;
  tenantName?: string;
  siteName?: string;
  heardAtMs?: number;
  closedAtMs?: number;
  row?: Partial<GatewayRow>;
  usage?: Partial<Usage>;
}

/** What Postgres would have of a gateway that is online at `heardAtMs`. */
export function reading(number: number, of: Of = {}): GatewayReading {
  const { tenant = 1, heardAtMs = 0, closedAtMs } = of;
  return {
    row: {
      id: idOf(number),
      tenantId: idOf(1000 + tenant),
      siteId: idOf(2000 + tenant),
      name: of.name ?? `gw${number}`,
      tags: [],
      createdAt: new Date(0),
      revokedAt: null,
      agentVersion: null,
      kernel: null,
      tableKind: null,
      capabilities: null,
      wans: [],
      guard: null,
      setAsideAt: null,
      setAsideReason: null,
      certificateGeneration: 1,
      certificateEndsAt: null,
      tenant: { name: of.tenantName ?? `tenant ${tenant}` },
      site: { name: of.siteName ?? 'HQ' },
      link: {
        replicaId: 'r',
        epoch: 1n,
        connectedAt: new Date(0),
        lastHeardAt: new Date(heardAtMs),
        closedAt: closedAtMs === undefined ? null : new Date(closedAtMs),
        interruptedAt: null,
      },
      wanEvents: [],
      ...of.row,
    },
    usage: of.usage && { at: new Date(heardAtMs).toISOString(), count: 1, ...of.usage },
  };
}

export const LIVES = { certificateMs: 600_000, renewableMs: 600_000 };
