import { parseAddress } from '../../../proto/model/address.ts';
import type { Tuple } from '../../../proto/model/flow.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { order } from '../../../agent/firewall/rules/bits.ts';
import type { Answer, Ends, Hook, Packet, PacketConntrack } from '../../../agent/firewall/rules/packet.ts';
import type { Range, Rules } from '../../../agent/firewall/rules/rules.ts';
import { isSame, outcomeOf, type Outcome, type Sample } from './corpus.ts';
import type { TestPacket } from './frame.ts';
import { ADDRESSES, type Device, type RuleStage, type Seen } from './stage.ts';

/** One question put to the rules: their answer, and whether it matches what was seen. */
export interface Check {
  about: string;
  answer: Answer<unknown>;
  isRight: boolean;
  seen: string;
}

const STATUS = { SEEN_REPLY: 2, DST_NAT: 32 } as const;

/** Sends a packet, its reply and the packet that follows, and asks the rules about each on its way. */
export function tryPacket(stage: RuleStage, rules: Rules, { from, packet, text }: Sample): { outcome: Outcome; checks: Check[] } {
  stage.forget();
  const outcome = outcomeOf({ from, packet }, stage.send(from, packet));
  const checks = checkWay(rules, from, packet, outcome, { state: 'new', direction: 'original' }, text);
  const final = outcome.passed.get('postrouting last');
  if (!final?.out || !isAnswered(packet)) return { outcome, checks };
  const entry = entryOf(stage, packet);
  if (!entry) return { outcome, checks };
  const answer: TestPacket = {
    ...final.packet,
    src: final.packet.dst,
    dst: final.packet.src,
    sport: final.packet.dport,
    dport: final.packet.sport,
    ...answerKind(packet),
  };
  const back = outcomeOf({ from: final.out as Device, packet: answer }, stage.send(final.out as Device, answer));
  checks.push(
    ...checkWay(rules, final.out as Device, answer, back, { ...entry, state: 'established', direction: 'reply' }, `the answer to ${text}`),
  );
  // A reply that conntrack does not see leaves the flow new.
  const hasAnswered = back.stoppedIn === undefined && back.text !== 'not routed' && !back.passed.has('prerouting untracked');
  if (!hasAnswered) return { outcome, checks };
  const next: TestPacket = packet.proto === PROTOCOLS.tcp ? { ...packet, tcpFlags: 0x10 } : packet;
  const now = { ...entry, ...entryOf(stage, packet) };
  const on = outcomeOf({ from, packet: next }, stage.send(from, next));
  checks.push(...checkWay(rules, from, next, on, { ...now, state: 'established', direction: 'original' }, `what follows ${text}`));
  return { outcome, checks };
}

function isAnswered({ proto }: TestPacket): boolean {
  return proto === PROTOCOLS.tcp || proto === PROTOCOLS.udp || proto === PROTOCOLS.icmp || proto === PROTOCOLS.icmpv6;
}

function answerKind({ proto }: TestPacket): Partial<TestPacket> {
  if (proto === PROTOCOLS.tcp) return { tcpFlags: 0x12 };
  return proto === PROTOCOLS.icmp ? { icmpType: 0 } : proto === PROTOCOLS.icmpv6 ? { icmpType: 129 } : {};
}

/** The entry of a packet; an untracked packet has none. */
function entryOf(stage: RuleStage, packet: TestPacket): Pick<PacketConntrack, 'original' | 'reply' | 'mark' | 'status'> | undefined {
  const entry = stage.entry(packet);
  if (!entry) return undefined;
  const ends = (tuple: Tuple): Ends => ({
    src: parseAddress(tuple.src),
    dst: parseAddress(tuple.dst),
    ...(tuple.sport !== undefined && { sport: tuple.sport, dport: tuple.dport }),
  });
  return { original: ends(entry.orig), reply: ends(entry.reply), status: entry.status | STATUS.SEEN_REPLY, mark: entry.mark };
}

/** Asks about each hook that the packet reached, in the state in which it got there. */
function checkWay(rules: Rules, from: Device | 'own', packet: TestPacket, outcome: Outcome, ct: PacketConntrack, text: string): Check[] {
  const checks: Check[] = [];
  const isNew = ct.state === 'new';
  const given = (seen: Seen | undefined, at: TestPacket, hook: Hook, status?: number): Packet => {
    const { icmpType, ...rest } = at;
    return {
      ...rest,
      ...(icmpType !== undefined && { icmpType, icmpCode: 0 }),
      in: from === 'own' ? null : from,
      ...(hook === 'input' ? { out: null } : seen?.out !== undefined && { out: seen.out }),
      mark: seen?.mark ?? 0,
      ct: {
        ...ct,
        ...(isNew && status !== undefined && { status }),
        ...(isNew && { helper: null, original: { src: packet.src, dst: packet.dst, sport: packet.sport, dport: packet.dport } }),
      },
    };
  };
  const verdict = (hook: Hook, at: Packet): boolean => {
    const answer = rules.verdict(hook, at);
    const isPassed = outcome.passed.has(`${hook} last`);
    const how = isPassed ? 'accepted' : (outcome.how ?? 'dropped');
    const is = answer.isKnown
      ? answer.value.kind === 'rejected'
        ? answer.value.with === 'reset'
          ? 'reset'
          : 'refused'
        : answer.value.kind
      : '';
    checks.push({
      about: `verdict in ${hook} of ${text}`,
      answer,
      isRight: is === how || (from === 'own' && !isPassed && is !== 'accepted'),
      seen: how,
    });
    return isPassed;
  };
  const begin: 'prerouting' | 'output' = from === 'own' ? 'output' : 'prerouting';
  const first = outcome.passed.get(`${begin} first`);
  if (!first) return checks;
  const came = given(first, packet, begin);
  if (!verdict(begin, came)) return checks;
  const routed = outcome.passed.get(`${begin} last`)!;
  const marks = rules.marks(begin, came);
  checks.push({
    about: `marks in ${begin} of ${text}`,
    answer: marks,
    isRight: marks.isKnown && marks.value.mark === routed.mark && marks.value.isTracked !== outcome.passed.has(`${begin} untracked`),
    seen: `0x${routed.mark.toString(16)}`,
  });
  const isSent = !isSame(routed.packet.dst, packet.dst) || routed.packet.dport !== packet.dport;
  if (isNew) {
    const answer = rules.destination(begin, came);
    const isRight =
      answer.isKnown &&
      (answer.value.kind === 'none'
        ? !isSent
        : answer.value.kind === 'redirect'
          ? isPortIn(answer.value.ports, routed.packet.dport, packet.dport)
          : isIn(answer.value.addresses, routed.packet.dst, packet.dst) && isPortIn(answer.value.ports, routed.packet.dport, packet.dport));
    checks.push({
      about: `destination of ${text}`,
      answer,
      isRight,
      seen: JSON.stringify([[...routed.packet.dst].join('.'), routed.packet.dport]),
    });
  }
  const isUntracked = outcome.passed.has(`${begin} untracked`);
  const status = isSent ? STATUS.DST_NAT : 0;
  const ctMark = marks.isKnown ? marks.value.ctMark : undefined;
  const after = (at: Packet): Packet =>
    isUntracked ? { ...at, ct: { state: 'untracked', direction: 'original' } } : { ...at, ct: { ...at.ct, mark: ctMark } };
  const middle = from === 'own' ? undefined : outcome.passed.has('input first') ? ('input' as const) : ('forward' as const);
  if (middle) {
    const seen = outcome.passed.get(`${middle} first`);
    if (!seen || !verdict(middle, after(given(seen, seen.packet, middle, status))) || middle === 'input') return checks;
  }
  const leaving = outcome.passed.get('postrouting first');
  if (!leaving) return checks;
  const going = after(given(leaving, leaving.packet, 'postrouting', status));
  if (!verdict('postrouting', going) || !isNew) return checks;
  const left = outcome.passed.get('postrouting last')!;
  const isMoved = !isSame(left.packet.src, leaving.packet.src) || left.packet.sport !== leaving.packet.sport;
  const source = rules.source(going);
  const isRight =
    source.isKnown &&
    (source.value.kind === 'none'
      ? !isMoved
      : (source.value.isRandom || isPortIn(source.value.ports, left.packet.sport, leaving.packet.sport)) &&
        (source.value.kind === 'masquerade'
          ? isAddressOf(left.out as Device, left.packet.src)
          : isIn(source.value.addresses, left.packet.src, leaving.packet.src)));
  checks.push({
    about: `source of ${text}`,
    answer: source,
    isRight,
    seen: JSON.stringify([[...left.packet.src].join('.'), left.packet.sport]),
  });
  return checks;
}

function isAddressOf(device: Device, address: Uint8Array): boolean {
  return ADDRESSES[device].some((text) => isSame(parseAddress(text.split('/')[0]!)!, address));
}

function isIn(range: Range<Uint8Array> | undefined, address: Uint8Array, before: Uint8Array): boolean {
  return range ? order(range.from, address) <= 0 && order(address, range.to) <= 0 : isSame(address, before);
}

function isPortIn(range: Range<number> | undefined, port: number | undefined, before: number | undefined): boolean {
  return range && port !== undefined ? range.from <= port && port <= range.to : port === before;
}
