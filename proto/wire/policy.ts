import type { PolicyReading as WireReading, TrackingExplanation as WireExplanation, TrackingQuery } from '../gen/ctfleet/v1/policy.ts';
import { FleetError } from '../model/error-codes.ts';
import {
  EXPLANATION_OUTCOMES,
  HELPER_STATES,
  isHelperThere,
  type AskedPacket,
  type PolicyReading,
  type TrackingExplanation,
} from '../model/policy/gateway-reading.ts';
import { exact, fromWireForeign, toWireForeign } from './foreign-tracking.ts';
import { fromWireOwnTable, toWireOwnTable } from './policy-rule.ts';

/** What a gateway tells at most, with room for a later one. */
const MAX_SETTINGS = 300;
const MAX_HELPERS = 64;
const MAX_UNREAD = 300;

export function toWirePolicyReading({ actual, helpers, foreign, unread }: PolicyReading): WireReading {
  const { settings, unsettable, table, noTable = '' } = actual;
  return {
    settings: Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, BigInt(value)])),
    unsettable: { ...unsettable },
    helpers: helpers.map(({ name, state, evidence }) => ({ name, state, evidence })),
    table: table && toWireOwnTable(table),
    noTable,
    ...toWireForeign(foreign),
    unread,
  };
}

export function fromWirePolicyReading(wire: WireReading): PolicyReading {
  const helpers = wire.helpers.slice(0, MAX_HELPERS).map(({ name, state, evidence }) => ({
    name,
    state: HELPER_STATES.find((one) => one === state) ?? ('unknown' as const),
    evidence,
  }));
  const settings = Object.entries(wire.settings).slice(0, MAX_SETTINGS);
  return {
    actual: {
      settings: Object.fromEntries(settings.map(([name, value]) => [name, exact(value)])),
      unsettable: Object.fromEntries(Object.entries(wire.unsettable).slice(0, MAX_SETTINGS)),
      helpers: helpers.filter(isHelperThere).map(({ name, state }) => ({ name, isLoaded: state !== 'loadable' })),
      ...(wire.table && { table: fromWireOwnTable(wire.table) }),
      ...(wire.noTable !== '' && { noTable: wire.noTable }),
    },
    helpers,
    foreign: fromWireForeign(wire),
    unread: wire.unread.slice(0, MAX_UNREAD),
  };
}

export function toWireAskedPacket({ proto, src, dst, sport, dport, iif = '' }: AskedPacket): TrackingQuery {
  return { proto, src: Buffer.from(src), dst: Buffer.from(dst), sport, dport, iif };
}

const MAX_PORT = 0xffff;
/** IFNAMSIZ, with its NUL. */
const MAX_INTERFACE = 15;

/** Throws INVALID_REQUEST for what is no packet. */
export function fromWireAskedPacket({ proto, src, dst, sport, dport, iif }: TrackingQuery): AskedPacket {
  const isSound =
    proto <= 255 &&
    (src.length === 4 || src.length === 16) &&
    src.length === dst.length &&
    (sport ?? 0) <= MAX_PORT &&
    (dport ?? 0) <= MAX_PORT &&
    iif.length <= MAX_INTERFACE;
  if (!isSound) throw new FleetError('INVALID_REQUEST', 'The query is not about a packet.');
  const packet: AskedPacket = { proto, src: Uint8Array.from(src), dst: Uint8Array.from(dst) };
  if (sport !== undefined) packet.sport = sport;
  if (dport !== undefined) packet.dport = dport;
  if (iif !== '') packet.iif = iif;
  return packet;
}

export function toWireExplanation({ outcome, hook = '', rule = '', iif = '', oif = '' }: TrackingExplanation): WireExplanation {
  return { outcome, hook, rule, iif, oif };
}

/** An outcome that this version does not know is unknown. */
export function fromWireExplanation({ outcome, ...places }: WireExplanation): TrackingExplanation {
  const known = EXPLANATION_OUTCOMES.find((one) => one === outcome);
  const explanation: TrackingExplanation = { outcome: known ?? 'unknown' };
  for (const field of ['hook', 'rule', 'iif', 'oif'] as const) if (places[field] !== '') explanation[field] = places[field];
  return explanation;
}
