import { z } from 'zod';
import { parseAddress } from '../model/address.ts';
import { LIMITED_BY, RULE_ENDS } from '../model/policy/foreign-tracking.ts';
import { EXPLANATION_OUTCOMES, HELPER_STATES } from '../model/policy/gateway-reading.ts';
import { SETTING_UNITS } from '../model/policy/setting-list.ts';
import { hasPorts, protocolNumber, PROTOCOLS } from '../model/protocol.ts';
import { id, idParams, time } from './common.ts';
import { effectivePolicy, policyDifference, policyWarning } from './effective-policy.ts';
import { policyRule } from './policy-rule.ts';
import { defineRoute } from './route.ts';

/** A number of the kernel's, below /proc/sys/net/netfilter. */
const setting = z.object({
  /** Its place in a policy: `timeouts.tcp.established`, `table.max`. */
  path: z.string(),
  /** The kernel's file name. */
  setting: z.string(),
  value: z.number().int(),
  /** A switch is 0 or 1; `events` may also be 2 (auto). */
  unit: z.enum(SETTING_UNITS),
  /** In Linux 6.18; absent where it depends on the machine, or is not known. */
  defaultValue: z.number().int().optional(),
  /** Why it cannot be set on this gateway; absent if it can. */
  unsettable: z.string().optional(),
});

const helper = z.object({
  name: z.string(),
  /** `unknown`: the gateway does not show whether its kernel has it. */
  state: z.enum(HELPER_STATES),
  evidence: z.string(),
});

const place = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  /** Where packets come to it; empty if none does. */
  hooks: z.array(z.object({ hook: z.string(), priority: z.number().int() })),
  /** From 1, within its chain. */
  position: z.number().int(),
  /** As `nft -a` shows it. */
  handle: z.number().int(),
});

const end = z.enum(RULE_ENDS);
/** One thing that a rule says about tracking. */
const saying = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('notrack'), isTooLate: z.literal(true).optional() }),
  z.object({ kind: z.literal('zone'), zone: z.number().int().optional(), direction: z.enum(['original', 'reply']).optional() }),
  z.object({ kind: z.literal('helper'), name: z.string().optional(), isByMap: z.literal(true).optional() }),
  z.object({
    kind: z.literal('timeout'),
    name: z.string().optional(),
    proto: z.string().optional(),
    seconds: z.record(z.string(), z.number().int()).optional(),
    isByMap: z.literal(true).optional(),
  }),
  z.object({ kind: z.literal('limit'), count: z.number().int(), isOver: z.boolean(), by: z.enum(LIMITED_BY) }),
  z.object({ kind: z.enum(['expectation', 'events', 'offload']) }),
  z.object({ kind: z.enum(['invalid', 'mid-stream', 'untracked']), end }),
]);

const foreign = z.object({
  rules: z.array(z.object({ place, says: z.array(saying), text: z.string(), comment: z.string().optional() })),
  /** Rules of which a part cannot be decoded; what they say about tracking is not known. */
  undecoded: z.array(z.object({ place, parts: z.array(z.string()), text: z.string() })),
  /** Why rules are missing here altogether. */
  unread: z.array(z.string()),
  /** Rules that were left out beyond the limit of an answer. */
  left: z.number().int(),
});

/** What a gateway is set to, read when it was asked. */
const actualPolicy = z.object({
  readAt: time,
  settings: z.array(setting),
  helpers: z.array(helper),
  /** Our own nft table; absent if there is none. */
  table: z.object({ rules: z.array(policyRule), helpers: z.array(z.string()), strange: z.array(z.string()) }).optional(),
  /** Why there can be none. */
  noTable: z.string().optional(),
  /** What rules of everybody else say about tracking. */
  foreign,
  /** What could not be read, and why. */
  unread: z.array(z.string()),
});
export type ActualPolicyView = z.infer<typeof actualPolicy>;

const answered = { gatewayId: id, state: z.enum(['answered', 'slow', 'offline', 'failed']), reason: z.string().optional() };
export const gatewayPolicy = z.object({
  ...answered,
  actual: actualPolicy.optional(),
  /** What all policies come to here, whether or not the gateway answers. Nothing of it is applied. */
  effective: effectivePolicy,
  /** Between the two; absent if the gateway does not answer or no policy reaches it. */
  difference: policyDifference.optional(),
  warnings: z.array(policyWarning),
});
export type GatewayPolicy = z.infer<typeof gatewayPolicy>;

const explanation = z.object({
  askedAt: time,
  outcome: z.enum(EXPLANATION_OUTCOMES),
  hook: z.string().optional(),
  /** For `untracked` and `dropped` the rule that decides, for `unknown` the one that cannot be evaluated, and why. */
  rule: z.string().optional(),
  /** The interfaces by which the packet was taken to come and go; absent for the gateway itself. */
  iif: z.string().optional(),
  oif: z.string().optional(),
});
export type TrackingExplanationView = z.infer<typeof explanation>;

const address = z
  .string()
  .max(45)
  .refine((text) => parseAddress(text) !== undefined, 'must be an IPv4 or IPv6 address');
const port = z.coerce.number().int().min(0).max(65_535);
const MAX_INTERFACE = 15;
/** A packet, as the first of a flow. */
const askedPacket = z
  .object({
    proto: z
      .string()
      .max(20)
      .refine((text) => protocolNumber(text) !== undefined, 'must be a protocol such as tcp, or its number'),
    src: address,
    dst: address,
    sport: port.optional(),
    dport: port.optional(),
    /** Where it comes in; absent: by the interface that its source is reached by. */
    iif: z.string().min(1).max(MAX_INTERFACE).optional(),
  })
  .refine(({ src, dst }) => !parseAddress(src) || !parseAddress(dst) || parseAddress(src)!.length === parseAddress(dst)!.length, {
    path: ['dst'],
    message: 'must be of the family of src',
  })
  .refine(({ proto, sport, dport }) => (sport === undefined && dport === undefined) || hasPorts(protocolNumber(proto) ?? PROTOCOLS.udp), {
    path: ['proto'],
    message: 'has no ports',
  });

export const getGatewayPolicy = defineRoute({
  method: 'GET',
  path: '/gateways/{id}/policy',
  action: 'policies.read',
  summary:
    'What a gateway’s tracking is set to now, read from it when asked: settings, helpers, our own table, and what rules of others say',
  params: idParams,
  status: 200,
  response: gatewayPolicy,
});
export const explainTracking = defineRoute({
  method: 'GET',
  path: '/gateways/{id}/policy:explain',
  action: 'policies.read',
  summary: 'Why there is no entry for some traffic: what the gateway’s rules do with its first packet, and which rule',
  params: idParams,
  query: askedPacket,
  status: 200,
  response: z.object({ ...answered, explanation: explanation.optional() }),
});
