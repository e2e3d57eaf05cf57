import { z } from 'zod';
import { SORT_FIELDS } from '../model/sort.ts';
import { STALE_REASONS } from '../model/stale.ts';
import { count32, count64, id, time } from './common.ts';
import { defineRoute } from './route.ts';
import { scope } from './scope.ts';

export const tuple = z.object({
  src: z.string(),
  dst: z.string(),
  sport: z.number().int().optional(),
  dport: z.number().int().optional(),
  icmp: z.object({ type: z.number().int(), code: z.number().int(), id: z.number().int() }).optional(),
  srcKey: z.number().int().optional(),
  dstKey: z.number().int().optional(),
  zone: z.number().int().optional(),
});

/** Absent means unknown, never zero. */
export const flow = z.object({
  gatewayId: id,
  /** CTA_ID; unique only together with the tuple. */
  id: z.number().int(),
  family: z.union([z.literal(4), z.literal(6)]),
  /** Protocol name, or its number as text. */
  proto: z.string(),
  state: z.string().optional(),
  /** Words of proto/model/status. */
  status: z.array(z.string()),
  orig: tuple,
  reply: tuple,
  wan: z.string().optional(),
  mark: z.number().int(),
  zone: z.number().int(),
  labels: z.array(z.string()),
  timeoutSeconds: z.number().int().optional(),
  idleSeconds: z.number().int().optional(),
  idleBounds: z.object({ atLeast: z.number().int(), atMost: z.number().int().optional() }).optional(),
  startedAt: time.optional(),
  origPackets: count64.optional(),
  origBytes: count64.optional(),
  replyPackets: count64.optional(),
  replyBytes: count64.optional(),
  helper: z.string().optional(),
  master: z.object({ proto: z.string(), orig: tuple }).optional(),
  protectedBy: z.string().optional(),
  /** Both directions together, from two readings of the table. */
  rateBitsPerSecond: z.number().optional(),
  /** Why deleting it would heal it, `no` if it would not; absent if not requested or unknown. */
  stale: z.enum([...STALE_REASONS, 'no']).optional(),
});
export type FlowRow = z.infer<typeof flow>;

export const gatewayAnswer = z.object({
  id,
  name: z.string(),
  state: z.enum(['answered', 'slow', 'offline', 'failed']),
  snapshotAt: time.optional(),
  /** Matches on this gateway. */
  total: z.number().int().optional(),
  /** What `wan:` and other per-gateway words stood for. */
  resolved: z.record(z.string(), z.string()).optional(),
  /** How the table was read, as text. */
  explain: z.array(z.string()).optional(),
  /** As text: offline since when, what it cannot do. */
  reason: z.string().optional(),
});

export const facet = z.object({ field: z.string(), values: z.array(z.object({ value: z.string(), flows: z.number().int() })) });

export const searchRequest = z.strictObject({
  /** The filter grammar; empty means all flows. */
  filter: z.string().max(10_000).default(''),
  scope: scope.default({}),
  sort: z.strictObject({ field: z.enum(['gateway', ...SORT_FIELDS]), descending: z.boolean().default(false) }).optional(),
  limit: z.number().int().min(0).max(1000).default(100),
  /** Where the page before ended: small, however many gateways there are. */
  cursor: z.string().max(50_000).optional(),
  maxAgeMs: count32.optional(),
  /** Facets cost a little more; ask for them with the first page. */
  withFacets: z.boolean().default(true),
});

export const searchResponse = z.object({
  rows: z.array(flow),
  /** Matches on the gateways that answered. */
  total: z.number().int(),
  facets: z.array(facet),
  gateways: z.array(gatewayAnswer),
  /** Rows that gateways sent for this page; few more than it shows. */
  rowsRead: z.number().int(),
  /** The filter in its canonical spelling. */
  filter: z.string(),
  cursor: z.string().optional(),
});

export const searchFlows = defineRoute({
  method: 'POST',
  path: '/flows:search',
  action: 'flows.read',
  isSafe: true,
  summary: 'Finds flows in the tables of the gateways in scope, as they are now',
  body: searchRequest,
  status: 200,
  response: searchResponse,
});

/** A search as it goes on. The last event is its answer; a stream that ends without it was broken off. */
export const searchEvent = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('progress'),
    /** Gateways asked, those of them that have answered, and those of which it is known that they will not. */
    asked: z.number().int(),
    answered: z.number().int(),
    missing: z.number().int(),
    /** Matches on the gateways that have answered so far. */
    total: z.number().int(),
    facets: z.array(facet),
    /** The page so far; absent if it is as it was said last. Rows of later events may stand between these. */
    rows: z.array(flow).optional(),
  }),
  z.object({
    kind: z.literal('end'),
    answer: searchResponse,
    /** Every gateway answered. */
    isComplete: z.boolean(),
  }),
]);
export type SearchEvent = z.infer<typeof searchEvent>;

export const watchSearch = defineRoute({
  method: 'POST',
  path: '/flows:watch',
  action: 'flows.read',
  isSafe: true,
  summary: 'The same search as it goes on: first rows, counts and facets as gateways answer, at last the answer',
  body: searchRequest,
  status: 200,
  response: searchEvent,
  isStream: true,
});
