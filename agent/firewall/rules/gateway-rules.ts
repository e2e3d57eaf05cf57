import { Bits } from './bits.ts';
import { Evaluation, TooManyRules, type End } from './evaluate.ts';
import { INET_HOOK, INET_INGRESS, NETDEV_INGRESS, PRIORITY, STATUS } from './nf-tables.ts';
import type { Answer, Hook, Packet } from './packet.ts';
import { readsOf } from './reads.ts';
import type { Place } from './rule-run.ts';
import type { DestinationNat, Marks, PortTranslation, Range, Reads, Rules, SourceNat, Verdict } from './rules.ts';
import { FAMILY, type Chain, type Ruleset } from './ruleset.ts';
import { State, type Translation } from './state.ts';
import type { Surroundings } from './surroundings.ts';
import { ruleText } from './text.ts';

/** Chains of one priority; in which order they are met the kernel does not tell. `nat` stands for all of type nat, in their own order. */
type Stage = { priority: number; chains: (Chain | 'nat')[] };

/** A packet that has come through a hook so far, and how packets like it may have ended. */
interface Course {
  state: State | undefined;
  stops: End[];
  translations: End[];
  untranslated: boolean;
}

const ALL_BITS = 0xffff_ffff;

/** The rules of a gateway as its nf_tables has them. */
export class GatewayRules implements Rules {
  readonly #ruleset: Ruleset;
  readonly #surroundings: Surroundings;
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #stages = new Map<string, Stage[]>();
  readonly #reads = new Map<Hook, Reads>();

  constructor(ruleset: Ruleset, surroundings: Surroundings) {
    this.#ruleset = ruleset;
    this.#surroundings = surroundings;
    this.#chains = new Map(ruleset.chains.map((chain) => [`${chain.family} ${chain.table} ${chain.name}`, chain]));
  }

  marks(hook: 'prerouting' | 'output', packet: Packet, bits = ALL_BITS): Answer<Marks> {
    return this.#answer(hook, packet, ({ state, stops }) => {
      const end = state ?? stops[0]?.state;
      if (!end) return unknown('no rule lets the packet pass');
      const mark = end.mark.hostNumber(bits);
      if (mark === undefined || end.isTracked === undefined) return unknown(end.why ?? 'the mark with which the packet comes is not known');
      const { isTracked, untrackedBy } = end;
      const by = !isTracked && untrackedBy && { untrackedBy: ruleText(untrackedBy.chain, untrackedBy.rule) };
      return { isKnown: true, value: { mark, ctMark: end.ctMark.hostNumber(), isTracked, ...by } };
    });
  }

  destination(hook: 'prerouting' | 'output', packet: Packet): Answer<DestinationNat> {
    return this.#translation(hook, packet, ({ kind, addresses, ...rest }) =>
      kind === 'redirect' ? { kind, ...rest } : { kind: 'to', addresses, ...rest },
    );
  }

  source(packet: Packet, hook: 'postrouting' | 'input' = 'postrouting'): Answer<SourceNat> {
    return this.#translation(hook, packet, ({ kind, addresses, ...rest }) =>
      kind === 'masquerade' ? { kind, ...rest } : { kind: 'to', addresses, ...rest },
    );
  }

  verdict(hook: Hook, packet: Packet): Answer<Verdict> {
    return this.#answer<Verdict>(hook, packet, ({ state, stops }) => {
      const [stop, ...more] = stops;
      if (!stop) return { isKnown: true, value: { kind: 'accepted' } };
      const isOne = !state && stop.kind !== 'unknown' && more.every(({ kind, with: how }) => kind === stop.kind && how === stop.with);
      if (!isOne) return unknown(whyOf([...stops, ...(state ? [{ state, rule: '' }] : [])]));
      return {
        isKnown: true,
        value: stop.kind === 'rejected' ? { kind: 'rejected', with: stop.with!, rule: stop.rule } : { kind: 'dropped', rule: stop.rule },
      };
    });
  }

  reads(hook: Hook): Reads {
    let reads = this.#reads.get(hook);
    if (!reads) {
      const bases = ([4, 6] as const).flatMap((family) => this.#basesOf(hook, family));
      this.#reads.set(hook, (reads = readsOf(hook, bases, this.#chains, this.#ruleset.sets, this.#surroundings)));
    }
    return reads;
  }

  #translation<T extends DestinationNat | SourceNat>(
    hook: Hook,
    packet: Packet,
    toAnswer: (
      translation: PortTranslation & { kind: Translation['kind']; addresses?: Range<Uint8Array>; rule: string },
    ) => DestinationNat | SourceNat,
  ): Answer<T> {
    return this.#answer<T>(hook, packet, ({ state, stops, translations, untranslated }) => {
      const answers: Answer<DestinationNat | SourceNat>[] = translations.map(({ translation, state: end }) => {
        const { kind, addresses, ports, isRandom, rule } = translation!;
        if ([...(addresses ?? []), ...(ports ?? [])].some((bits) => !bits.isKnown))
          return unknown(end.why ?? `${rule}: it chooses by what is not known`);
        return {
          isKnown: true,
          value: toAnswer({
            kind,
            rule,
            ...(isRandom && { isRandom }),
            addresses: addresses && { from: addresses[0].value, to: addresses[1].value },
            ports: ports && { from: ports[0].networkNumber()!, to: ports[1].networkNumber()! },
          }),
        };
      });
      if (untranslated || answers.length === 0) answers.push({ isKnown: true, value: { kind: 'none' } });
      const [first, ...others] = answers as [Answer<T>, ...Answer<T>[]];
      if (!first.isKnown) return first;
      const text = textOf(first.value);
      const differing = others.find((each) => !each.isKnown || textOf(each.value) !== text);
      if (!differing) return first;
      return differing.isKnown ? unknown(whyOf([...translations, ...(state ? [{ state, rule: '' }] : []), ...stops])) : differing;
    });
  }

  #answer<T>(hook: Hook, packet: Packet, toAnswer: (course: Course) => Answer<T>): Answer<T> {
    try {
      return toAnswer(this.#run(hook, packet));
    } catch (error) {
      if (error instanceof TooManyRules) return unknown(error.message);
      throw error;
    }
  }

  #run(hook: Hook, packet: Packet): Course {
    const state = new State(packet, hook);
    if (packet.ct.state === 'untracked') state.isTracked = false;
    let course: Course = { state, stops: [], translations: [], untranslated: false };
    for (const stage of this.#stagesOf(hook, packet.family)) {
      if (!course.state) break;
      const there = this.#runStage(stage.chains, course, hook, packet, stage.priority);
      if (stage.chains.length === 1) {
        course = there;
        continue;
      }
      const back = this.#runStage([...stage.chains].reverse(), course, hook, packet, stage.priority);
      course = {
        state: there.state && back.state ? there.state.join(back.state) : (there.state ?? back.state),
        stops: [...there.stops, ...back.stops],
        translations: [...there.translations, ...back.translations],
        untranslated: there.untranslated || back.untranslated,
      };
    }
    return course;
  }

  #runStage(chains: (Chain | 'nat')[], from: Course, hook: Hook, packet: Packet, priority: number): Course {
    let course = from;
    for (const chain of chains) {
      if (!course.state) break;
      course = chain === 'nat' ? this.#translate(course, hook, packet) : this.#filter(chain, course, this.#place(hook, packet, priority));
    }
    return course;
  }

  #place(hook: Hook, packet: Packet, priority: number): Place {
    const isAfterConntrack = priority > PRIORITY.CONNTRACK || (hook !== 'prerouting' && hook !== 'output');
    return { packet, hook, isAfterConntrack, surroundings: this.#surroundings, sets: this.#ruleset.sets };
  }

  #filter(chain: Chain, course: Course, place: Place): Course {
    const { devices } = chain.base!;
    if (devices.length > 0 && typeof place.packet.in === 'string' && !devices.includes(place.packet.in)) return course;
    const { ends, left } = new Evaluation(this.#chains).base(chain, course.state!, place);
    const stops: End[] = [];
    // A chain of a device that the packet may have come by.
    let state = devices.length > 0 && place.packet.in === undefined ? course.state!.join(left) : left;
    for (const end of ends) {
      // A statement of nat in a chain of another type cannot be; what is not known may let the packet go on.
      if (end.kind !== 'accepted') stops.push(end);
      if (end.kind === 'accepted' || end.kind === 'unknown') state = state ? state.join(end.state) : end.state;
    }
    return { ...course, state, stops: [...course.stops, ...stops] };
  }

  /** The kernel asks chains of type nat only for the first packet of a flow, until one of them translates; later ones follow the entry. */
  #translate(course: Course, hook: Hook, packet: Packet): Course {
    const state = course.state!;
    const isSource = hook === 'postrouting' || hook === 'input';
    if (state.isTracked === false || packet.ct.state === 'invalid' || packet.ct.state === 'untracked')
      return { ...course, untranslated: true };
    if (packet.ct.state === 'established' || packet.ct.direction === 'reply')
      return { ...course, state: this.#follow(state, packet, isSource), untranslated: true };
    const asked = this.#askNat(course, hook, packet, isSource);
    // Of related packets only the first of a flow is asked for, and errors never.
    if (packet.ct.state === 'related' || state.isTracked === undefined) {
      return { ...asked, state: asked.state ? asked.state.join(state) : state, untranslated: true };
    }
    return asked;
  }

  #askNat(course: Course, hook: Hook, packet: Packet, isSource: boolean): Course {
    const chains = this.#basesOf(hook, packet.family)
      .filter(({ base }) => base!.type === 'nat')
      .sort(byPriority);
    const place = this.#place(hook, packet, isSource ? PRIORITY.NAT_SOURCE : PRIORITY.NAT_DESTINATION);
    const ask = (order: Chain[]): Course => {
      let waiting: State | undefined = course.state;
      const passed: State[] = [];
      const [stops, translations]: [End[], End[]] = [[], []];
      for (const chain of order) {
        if (!waiting) break;
        const { ends, left } = new Evaluation(this.#chains).base(chain, waiting, place);
        waiting = left;
        for (const end of ends) {
          if (end.kind === 'accepted' || end.kind === 'unknown') waiting = waiting ? waiting.join(end.state) : end.state;
          if (end.kind === 'translated') {
            translations.push(end);
            passed.push(translated(end.state, end.translation!, packet.family));
          } else if (end.kind !== 'accepted') stops.push(end);
        }
      }
      const untranslated = waiting !== undefined;
      if (waiting) passed.push(waiting);
      const state = passed.length === 0 ? undefined : passed.reduce((a, b) => a.join(b));
      return { state, stops: [...course.stops, ...stops], translations: [...course.translations, ...translations], untranslated };
    };
    const there = ask(chains);
    const isTied = chains.some((chain, at) => at > 0 && chains[at - 1]!.base!.priority === chain.base!.priority);
    if (!isTied) return there;
    const back = ask([...chains].sort((a, b) => byPriority(a, b) || chains.indexOf(b) - chains.indexOf(a)));
    return {
      state: there.state && back.state ? there.state.join(back.state) : (there.state ?? back.state),
      stops: [...there.stops, ...back.stops],
      translations: [...there.translations, ...back.translations],
      untranslated: there.untranslated || back.untranslated,
    };
  }

  /** A packet of a flow that goes on: it is translated as its entry says. */
  #follow(state: State, packet: Packet, isSource: boolean): State {
    const { direction, original, reply } = packet.ct;
    const isOriginal = direction === 'original';
    const bit = isSource === isOriginal ? STATUS.SRC_NAT : STATUS.DST_NAT;
    if (state.status.hostNumber(bit) === 0) return state;
    const ends = isOriginal ? reply : original;
    const [side, other, port] = isSource ? (['src', 'dst', 'dport'] as const) : (['dst', 'src', 'sport'] as const);
    const followed = state.clone();
    followed.setAddress(packet.family, side, Bits.of(ends?.[other], packet.family === 4 ? 4 : 16));
    if (packet.sport !== undefined) followed.setPort(side, Bits.u16(ends?.[port]));
    return followed;
  }

  /** Base chains that packets of a family meet at a hook. */
  #basesOf(hook: Hook, family: 4 | 6): Chain[] {
    const own = family === 4 ? FAMILY.ip : FAMILY.ip6;
    return this.#ruleset.chains.filter(
      ({ base, family: of }) =>
        base &&
        (((of === own || of === FAMILY.inet) && base.hook === INET_HOOK[hook]) ||
          (hook === 'prerouting' &&
            ((of === FAMILY.inet && base.hook === INET_INGRESS) || (of === FAMILY.netdev && base.hook === NETDEV_INGRESS)))),
    );
  }

  #stagesOf(hook: Hook, family: 4 | 6): Stage[] {
    const key = `${hook} ${family}`;
    let stages = this.#stages.get(key);
    if (stages) return stages;
    stages = [];
    const add = (priority: number, chain: Chain | 'nat'): void => {
      const stage = stages!.find((each) => each.priority === priority);
      if (stage) stage.chains.push(chain);
      else stages!.push({ priority, chains: [chain] });
    };
    for (const chain of this.#basesOf(hook, family)) {
      if (chain.base!.type === 'nat') continue;
      const isIngress = chain.family === FAMILY.netdev || chain.base!.hook === INET_INGRESS;
      add(isIngress ? chain.base!.priority - 1e10 : chain.base!.priority, chain);
    }
    if (hook !== 'forward') add(hook === 'postrouting' || hook === 'input' ? PRIORITY.NAT_SOURCE : PRIORITY.NAT_DESTINATION, 'nat');
    stages.sort((a, b) => a.priority - b.priority);
    this.#stages.set(key, stages);
    return stages;
  }
}

function byPriority(a: Chain, b: Chain): number {
  return a.base!.priority - b.base!.priority;
}

/** The packet as it goes on after a rule has translated it; what is chosen from a range is not known. */
function translated(before: State, { isSource, kind, addresses, ports }: Translation, family: 4 | 6): State {
  const state = before.clone();
  const side = isSource ? 'src' : 'dst';
  const length = family === 4 ? 4 : 16;
  if (kind !== 'to' || addresses) state.setAddress(family, side, addresses ? Bits.between(...addresses) : Bits.unknown(length));
  if (ports) state.setPort(side, Bits.between(...ports));
  else if (isSource) state.setPort(side, Bits.unknown(2));
  state.status = state.status.or(Bits.host(isSource ? STATUS.SRC_NAT : STATUS.DST_NAT));
  return state;
}

function unknown(why: string): { isKnown: false; why: string } {
  return { isKnown: false, why };
}

function whyOf(ends: { state: State; rule: string }[]): string {
  return (
    ends.find(({ state }) => state.why !== undefined)?.state.why ??
    `chains of the same priority decide differently: ${ends
      .map(({ rule }) => rule)
      .filter(Boolean)
      .join('; ')}`
  );
}

/** The same decision, by whatever rule. */
function textOf(value: object): string {
  return JSON.stringify({ ...value, rule: undefined });
}
