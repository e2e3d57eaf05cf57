import { z } from 'zod';
import { METHOD_WORDS } from '../model/method.ts';
import { TRIGGERS, type TriggerKind } from '../model/triggers.ts';
import { scope } from './scope.ts';

/** A glob over WAN names. */
const wan = z.string().trim().min(1).max(64).default('*');
const seconds = (most: number) => z.number().int().min(0).max(most);

/** One for each kind of `proto/model/triggers.ts`. */
export const remediationTrigger = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('wan-down'), wan }),
  z.strictObject({ kind: z.literal('wan-up'), wan }),
  z.strictObject({ kind: z.literal('address-change'), wan }),
  z.strictObject({ kind: z.literal('table-usage'), abovePercent: z.number().min(1).max(100) }),
  z.strictObject({
    kind: z.literal('schedule'),
    /** Five fields. */
    cron: z.string().trim().min(1).max(100),
    /** An IANA zone, or `site`: each site's own. */
    timeZone: z.string().min(1).max(64).default('site'),
    /** What happens to a run missed because no controller was running: it is skipped, or caught up once. */
    missed: z.enum(['skip', 'run-once']).default('skip'),
  }),
  z.strictObject({ kind: z.literal('webhook') }),
  z.strictObject({ kind: z.literal('manual') }),
]) satisfies z.ZodType<{ kind: TriggerKind }>;
export type RemediationTrigger = z.output<typeof remediationTrigger>;

/**
 * A remediation as operators write it: the body of the API, the YAML of the console, and what is sent to agents. In `filter`, `$wan` and
 * `$address` stand for the trigger's WAN and its address; they are refused with a trigger that has none.
 */
export const remediationDocument = z.strictObject({
  name: z.string().trim().min(1).max(100),
  description: z.string().trim().max(500).default(''),
  /** `observe` only counts what it would end; `suggest` leaves it to an operator; `auto` acts. */
  mode: z.enum(['observe', 'suggest', 'auto']).default('observe'),
  scope: scope.default({}),
  trigger: remediationTrigger,
  conditions: z
    .strictObject({
      /** How long the state must have held. */
      settledSeconds: seconds(3600).default(0),
      /** Another WAN must be up, answer its probe and carry the route. */
      healthyTarget: z.boolean().default(false),
      /** More state changes of that WAN in the last hour count as flapping, and nothing is done. */
      mostFlapsAnHour: z.number().int().min(1).max(1000).optional(),
    })
    .prefault({}),
  filter: z.string().trim().min(1).max(10_000),
  method: z.enum(METHOD_WORDS).default('delete'),
  /** How long a reset waits, a block lasts, or an expiry takes. */
  forSeconds: z.number().int().min(1).max(3600).optional(),
  steps: z
    .strictObject({
      verifyAfterSeconds: z.number().min(0).max(60).default(1),
      /** Maximum number of further sweeps, which end what has come back or was not there yet. */
      sweeps: z.number().int().min(0).max(10).default(1),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** With more matches nothing is done at all. */
      maxFlows: z.number().int().min(1).max(1_000_000).default(10_000),
      maxPercentOfTable: z.number().min(0.1).max(100).default(50),
      maxRunsAnHour: z.number().int().min(1).max(60).default(6),
      coolDownSeconds: seconds(86_400).default(30),
    })
    .prefault({}),
});
export type RemediationDocument = z.output<typeof remediationDocument>;

/** True if the gateway runs it by itself. */
export function runsOnGateway({ trigger }: Pick<RemediationDocument, 'trigger'>): boolean {
  return TRIGGERS[trigger.kind].runsOn === 'gateway';
}
