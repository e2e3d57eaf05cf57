import { isInPrefix, type Surroundings } from '../../firewall/rules/surroundings.ts';
import { RTN, STATUS } from '../../firewall/rules/nf-tables.ts';
import { TCP_FLAGS, type Hook, type Packet } from '../../firewall/rules/packet.ts';
import type { Rules } from '../../firewall/rules/rules.ts';
import type { RouteQuery } from '../../netlink/route-messages.ts';
import { hasIcmp, hasPorts, PROTOCOLS } from '../../../proto/model/protocol.ts';
import type { AskedPacket, TrackingExplanation } from '../../../proto/model/policy/gateway-reading.ts';

export interface ExplainOptions {
  rules: Rules;
  surroundings: Pick<Surroundings, 'links' | 'locals'>;
  /** Interfaces by which such a packet would leave; undefined where the kernel does not say. */
  waysOut: (query: RouteQuery) => readonly number[] | undefined;
}

const NO_ROUTE = 'the routes: none leads there';
const ECHO_REQUEST = { [PROTOCOLS.icmp]: 8, [PROTOCOLS.icmpv6]: 128 } as const;

/**
 * What the gateway's rules do with the first packet of a flow, hook by hook, until it is decided whether there is an entry. An entry is
 * kept only once the packet has passed the last hook, so that what is dropped on the way leaves none.
 */
export function explainTracking(asked: AskedPacket, options: ExplainOptions): TrackingExplanation {
  const course = new Course(asked, options);
  const explanation = course.run();
  const { iif, oif } = course;
  return { ...explanation, ...(typeof iif === 'string' && { iif }), ...(typeof oif === 'string' && { oif }) };
}

class Course {
  readonly #options: ExplainOptions;
  readonly #asked: AskedPacket;
  readonly #isOwn: boolean;
  /** Null: the gateway itself; undefined: not known. */
  iif: string | null | undefined;
  oif: string | null | undefined;

  constructor(asked: AskedPacket, options: ExplainOptions) {
    this.#asked = asked;
    this.#options = options;
    this.#isOwn = this.#isHere(asked.src);
    this.iif = this.#isOwn ? null : (asked.iif ?? this.#wayTo({ destination: asked.src, mark: 0 }) ?? undefined);
  }

  run(): TrackingExplanation {
    const { rules } = this.#options;
    const first = this.#first();
    const hook = this.#isOwn ? 'output' : 'prerouting';
    if (this.#isOwn) {
      const way = this.#wayTo({ destination: first.dst, mark: 0 });
      if (way === null) return dropped(hook, NO_ROUTE);
      this.oif = first.out = way;
    }
    const verdict = rules.verdict(hook, first);
    if (verdict.isKnown && verdict.value.kind !== 'accepted') return dropped(hook, verdict.value.rule);
    // Whether it is tracked hangs on no bit of its mark.
    const tracking = rules.marks(hook, first, 0);
    if (!tracking.isKnown) return unknown(hook, tracking.why);
    if (!tracking.value.isTracked) return { outcome: 'untracked', hook, ...ruleOf(tracking.value.untrackedBy) };
    if (!verdict.isKnown) return unknown(hook, verdict.why);
    return this.#beyond(hook, first);
  }

  /** After the first hook: where it is sent, and what the filters on that way do. */
  #beyond(hook: 'prerouting' | 'output', first: Packet): TrackingExplanation {
    const { rules } = this.#options;
    const target = rules.destination(hook, first);
    if (!target.isKnown) return unknown(hook, target.why);
    const { value } = target;
    const arrived = { ...first, ct: { ...first.ct, original: ends(first) } };
    if (value.kind === 'to') {
      const { addresses, ports } = value;
      if (addresses && !isSame(addresses.from, addresses.to)) return unknown(hook, `${value.rule}: it chooses from several addresses`);
      if (addresses) arrived.dst = addresses.from;
      if (ports) arrived.dport = ports.from === ports.to ? ports.from : undefined;
      arrived.ct.status = STATUS.DST_NAT;
    }
    const marks = rules.marks(hook, first);
    arrived.mark = marks.isKnown ? marks.value.mark : undefined;
    arrived.ct.mark = marks.isKnown ? marks.value.ctMark : undefined;
    if (value.kind === 'redirect' || this.#isHere(arrived.dst)) {
      this.oif = null;
      return this.#pass(this.#isOwn ? ['postrouting', 'input'] : ['input'], { ...arrived, out: this.#isOwn ? 'lo' : null });
    }
    if (!this.#isOwn || value.kind === 'to') {
      const way = this.#wayTo({ destination: arrived.dst, source: arrived.src, from: this.#linkOf(this.iif), mark: arrived.mark ?? 0 });
      if (way === null) return dropped(this.#isOwn ? 'output' : 'forward', NO_ROUTE);
      this.oif = arrived.mark === undefined ? undefined : way;
    }
    return this.#pass(this.#isOwn ? ['postrouting'] : ['forward', 'postrouting'], { ...arrived, out: this.oif });
  }

  #pass(hooks: readonly Hook[], packet: Packet): TrackingExplanation {
    for (const hook of hooks) {
      const verdict = this.#options.rules.verdict(hook, packet);
      if (!verdict.isKnown) return unknown(hook, verdict.why);
      if (verdict.value.kind !== 'accepted') return dropped(hook, verdict.value.rule);
    }
    return { outcome: 'tracked' };
  }

  /** The first packet as a client sends it. */
  #first(): Packet {
    const { proto, src, dst, sport, dport } = this.#asked;
    return {
      family: src.length === 4 ? 4 : 6,
      in: this.iif,
      out: undefined,
      src,
      dst,
      proto,
      ...(hasPorts(proto) && { sport, dport }),
      ...(hasIcmp(proto) && { icmpType: ECHO_REQUEST[proto as keyof typeof ECHO_REQUEST], icmpCode: 0 }),
      ...(proto === PROTOCOLS.tcp && { tcpFlags: TCP_FLAGS.SYN }),
      mark: 0,
      ct: { state: 'new', direction: 'original', zone: 0, helper: null },
    };
  }

  /** The name of the one interface that leads there; null if none does, undefined if it cannot be told. */
  #wayTo(query: RouteQuery): string | null | undefined {
    const ways = this.#options.waysOut(query);
    if (!ways || ways.length > 1) return undefined;
    return ways.length === 0 ? null : this.#options.surroundings.links.get(ways[0]!);
  }

  #linkOf(name: string | null | undefined): number | undefined {
    return [...this.#options.surroundings.links].find(([, each]) => each === name)?.[0];
  }

  #isHere(address: Uint8Array): boolean {
    return this.#options.surroundings.locals.some(
      (route) => route.type === RTN.LOCAL && route.bytes.length === address.length && isInPrefix(address, route),
    );
  }
}

function ends({ src, dst, sport, dport }: Packet): Pick<Packet, 'src' | 'dst' | 'sport' | 'dport'> {
  return { src, dst, sport, dport };
}

function dropped(hook: Hook, rule: string): TrackingExplanation {
  return { outcome: 'dropped', hook, rule };
}

function unknown(hook: Hook, rule: string): TrackingExplanation {
  return { outcome: 'unknown', hook, rule };
}

function ruleOf(rule: string | undefined): { rule?: string } {
  return rule === undefined ? {} : { rule };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
