import { z } from 'zod';
import { SIGNATURE_DEMANDS } from '../model/signature-demands.ts';
import { COUNTER_NAMES, FACET_NAMES, GAUGE_NAMES, type FacetName } from '../model/measures.ts';
import { id, shownName, time } from './common.ts';
import { wanEventHead } from './wan-events.ts';

export const wan = z.object({
  name: z.string(),
  interface: z.string(),
  addresses: z.array(z.string()),
  isUp: z.boolean().optional(),
  carriesDefaultRoute: z.boolean().optional(),
  /** The address probed through it answers; absent if none is probed. */
  isAnswering: z.boolean().optional(),
  /** Flows that use one of its addresses, from the last breakdown. */
  flows: z.number().int().optional(),
});

/** Measures by name; unknown ones are absent. */
export function optional<Name extends string>(names: readonly Name[]): Record<Name, z.ZodOptional<z.ZodNumber>> {
  return Object.fromEntries(names.map((name) => [name, z.number().optional()])) as Record<Name, z.ZodOptional<z.ZodNumber>>;
}
export const facets = Object.fromEntries(FACET_NAMES.map((name) => [name, z.record(z.string(), z.number().int()).optional()])) as Record<
  FacetName,
  z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodNumber>>
>;

/** The newest sample of a gateway, and what is derived from the last minutes. Absent means unknown. */
export const usage = z.object({
  at: time,
  ...optional(GAUGE_NAMES),
  count: z.number().int(),
  /** Entries a minute over the last ten minutes. */
  perMinute: z.number().optional(),
  /** At that rate; only while it is rising. */
  minutesToFull: z.number().optional(),
  /** Packets lost in the last ten minutes because they got no entry, each counted once: the kernel counts some of them in two counters. */
  lost: z.number().int().optional(),
  /** The kernel's counters over the last ten minutes; they overlap, so their sum is meaningless. */
  drops: z.number().int().optional(),
  insertFailed: z.number().int().optional(),
  ...facets,
  topSources: z.array(z.object({ address: z.string(), flows: z.number().int() })).optional(),
  /** Flows whose source is translated, by translated address and protocol: an upper bound of its ports in use. */
  translations: z.array(z.object({ address: z.string(), proto: z.string(), flows: z.number().int() })).optional(),
  breakdownAt: time.optional(),
  /** Cumulative since the gateway started. */
  cpus: z
    .array(
      z.object({
        cpu: z.number().int(),
        ...optional(COUNTER_NAMES),
      }),
    )
    .optional(),
});

export const gateway = z.object({
  id,
  tenantId: id,
  tenantName: z.string(),
  siteId: id,
  siteName: z.string(),
  name: shownName,
  tags: z.array(z.string()),
  /**
   * `reconnecting`: the controller that held its link has stopped, and its agent is expected at another within seconds. `set-aside`: two
   * agents hold its identity; its sessions are refused until somebody decides.
   */
  state: z.enum(['online', 'reconnecting', 'offline', 'never-connected', 'revoked', 'set-aside']),
  setAsideReason: z.string().optional(),
  /** When it entered this state. */
  since: time,
  /**
   * Its newest certificate; absent for one that was enrolled before certificates were renewed and has not been since. `isOverdue`: most of
   * its life has passed, and its agent has not renewed it. `renewableUntil`: after this time the gateway must be enrolled again.
   */
  certificate: z.object({ generation: z.number().int(), endsAt: time, renewableUntil: time, isOverdue: z.boolean() }).optional(),
  agentVersion: z.string().optional(),
  kernel: z.string().optional(),
  tableKind: z.enum(['kernel', 'memory']).optional(),
  capabilities: z.object({ can: z.array(z.string()), cannot: z.record(z.string(), z.string()) }).optional(),
  /** Why its connected agent cannot see the table; absent if it can. Then nothing is known about its flows, and `usage` is absent. */
  tableError: z.string().optional(),
  wans: z.array(wan),
  /** What the gateway's owner allows, from a file there that the controller cannot change; as reported when the agent connected. */
  guard: z
    .object({
      isReadOnly: z.boolean(),
      methods: z.array(z.string()),
      mostDeletesAMinute: z.number().int().optional(),
      mostPercentOfTable: z.number().optional(),
      /**
       * The share is the default of every gateway: stale flows, and up to 1,000 flows, do not count against it. Absent from older agents.
       */
      isBuiltIn: z.boolean().optional(),
      protected: z.array(z.string()),
      /** What only a second person’s signature allows there, verified by the gateway itself; absent: nothing. */
      signedFor: z.array(z.enum(SIGNATURE_DEMANDS)).optional(),
      error: z.string().optional(),
    })
    .optional(),
  usage: usage.optional(),
  /** Failovers about which something may still have to be done, newest first. */
  wanEvents: z.array(wanEventHead).optional(),
});
export type Gateway = z.infer<typeof gateway>;
