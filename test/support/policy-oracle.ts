import { prefixContains, parsePrefix } from '../../proto/model/address.ts';
import type { NumberRange } from '../../proto/model/block/packets.ts';
import type { Answer, PolicyMatch, PolicyRule } from '../../proto/model/policy/document.ts';
import { protocolNumber } from '../../proto/model/protocol.ts';
import type { TestPacket } from './rules/frame.ts';

/** A packet on its way through a gateway without translation. */
export interface Passing {
  packet: TestPacket;
  in: string;
  out: string;
}

/** What the rules mean for a packet that begins a flow, evaluated as docs/policies.md says it and with none of the agent’s code. */
export interface Meaning {
  isTracked: boolean;
  /** What a packet that begins a flow gets, if it is not forwarded. */
  denied?: Answer;
  /** TCP that begins in the middle is dropped. */
  mustBegin: boolean;
  idleSeconds?: number;
  helper?: string;
}

export function meaningOf(rules: readonly PolicyRule[], passing: Passing): Meaning {
  const reply: Passing = {
    packet: {
      ...passing.packet,
      src: passing.packet.dst,
      dst: passing.packet.src,
      sport: passing.packet.dport,
      dport: passing.packet.sport,
    },
    in: passing.out,
    out: passing.in,
  };
  const early = rules.find(
    ({ mode, match }) => mode !== undefined && (mode === 'off' || (match.zone === undefined && !match.oif)) && isMet(match, passing),
  );
  const isTracked = early?.mode !== 'off';
  const mode = rules.find(
    (rule) => rule.mode !== undefined && rule.mode !== 'off' && (isMet(rule.match, passing) || isMet(rule.match, reply)),
  )?.mode;
  const deciding = rules.find((rule) => rule.mode !== undefined && rule.mode !== 'off' && isMet(rule.match, passing));
  const helper = rules.find((rule) => rule.helper !== undefined && isMet(rule.match, passing))?.helper;
  const idleSeconds = rules.find((rule) => rule.idleTimeoutSeconds !== undefined && isMet(rule.match, passing))?.idleTimeoutSeconds;
  return {
    isTracked,
    ...(isTracked && deciding?.mode === 'deny' && { denied: deciding.answer }),
    mustBegin: isTracked && (mode === 'normal' || mode === 'strict' || mode === 'deny'),
    // The module keeps what carries SIP for its own time.
    idleSeconds: helper === 'sip' ? 3600 : idleSeconds,
    helper,
  };
}

function isMet({ proto, src, dst, sport, dport, iif, oif, zone, mark }: PolicyMatch, { packet, ...way }: Passing): boolean {
  const inAny = (prefixes: readonly string[] | undefined, address: Uint8Array): boolean =>
    !prefixes || prefixes.some((prefix) => prefixContains(parsePrefix(prefix)!, address));
  const within = (ranges: readonly NumberRange[] | undefined, port = -1): boolean =>
    !ranges || ranges.some(({ from, to }) => from <= port && port <= to);
  const named = (names: readonly string[] | undefined, name: string): boolean =>
    !names || names.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
  return (
    (proto === undefined || protocolNumber(proto) === packet.proto) &&
    inAny(src, packet.src) &&
    inAny(dst, packet.dst) &&
    within(sport, packet.sport) &&
    within(dport, packet.dport) &&
    named(iif, way.in) &&
    named(oif, way.out) &&
    (zone ?? 0) === 0 &&
    (mark === undefined || mark.value === 0)
  );
}
