import { HOST_IS_LITTLE_ENDIAN } from '../../netlink/constants.ts';
import { Bits, not, type Tri } from './bits.ts';
import { lookUp } from './lookup.ts';
import { BITWISE, CMP, CT, FIB_FLAG, FIB_RESULT, META, NAT_FLAG, OBJECT } from './nf-tables.ts';
import type { Ends } from './packet.ts';
import { INTERFACE_BYTES, nameBits, NFPROTO, type RuleRun } from './rule-run.ts';
import { setId, VERDICT, type Expression } from './ruleset.ts';
import { interfaceOf, netmap, type Translation } from './state.ts';
import { addressTypeOf, type Surroundings } from './surroundings.ts';
import { xtMatches } from './xt-matches.ts';
import { xtTarget } from './xt-targets.ts';

/** Objects that change nothing that is asked of a packet, and match always: limits and quotas do not. */
const QUIET_OBJECTS = new Set<number>(Object.values(OBJECT));
const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const;

/** Carries an expression out; whether the rule goes on after it. */
export function step(run: RuleRun, expression: Expression): Tri {
  const answer = carryOut(run, expression);
  if (answer === undefined) run.doubt ??= doubtOf(expression);
  return answer;
}

function carryOut(run: RuleRun, expression: Expression): Tri {
  switch (expression.kind) {
    case 'immediate':
      if ('verdict' in expression.data) return run.decide(expression.data.verdict);
      run.put(expression.to, new Bits(expression.data.value));
      return true;
    case 'cmp':
      return compare(run.registers, expression.from, expression.op, expression.value);
    case 'range': {
      const isWithin = run.registers.isWithin(expression.low, expression.high, expression.from);
      return expression.isInverted ? not(isWithin) : isWithin;
    }
    case 'bitwise':
      return bitwise(run, expression);
    case 'byteorder': {
      const bits = run.get(expression.from, expression.length);
      // Pieces of 2 bytes stand each at its place as payloads have it.
      run.put(expression.to, HOST_IS_LITTLE_ENDIAN ? bits.swap(expression.size) : bits);
      return true;
    }
    case 'lookup':
      return lookup(run, expression);
    case 'payload':
      if (expression.from !== undefined)
        run.change().write(expression.base, expression.offset, run.get(expression.from, expression.length));
      else run.load(expression.to!, run.state.header(expression.base), expression.offset, expression.length);
      return true;
    case 'meta':
      return expression.from !== undefined ? setMeta(run, expression.key, expression.from) : loadMeta(run, expression.key, expression.to!);
    case 'ct':
      return expression.from !== undefined ? setCt(run, expression.key, expression.from) : loadCt(run, expression);
    case 'fib':
      return fib(run, expression);
    case 'nat':
      return nat(run, expression);
    case 'masq':
    case 'redir': {
      const translation = {
        isSource: expression.kind === 'masq',
        kind: expression.kind === 'masq' ? ('masquerade' as const) : ('redirect' as const),
        ports: portsOf(run, expression),
        isRandom: (expression.flags & NAT_FLAG.RANDOM) !== 0,
        rule: '',
      };
      return run.decide({ kind: 'translate', translation });
    }
    case 'number': {
      const { to, offset, modulus } = expression;
      run.put(to, Bits.unknown(4));
      if (modulus > 0 && modulus <= 256) {
        run.choice = { at: to, values: Array.from({ length: modulus }, (_, n) => offset + n) };
        run.put(
          to,
          run.choice.values.map((value) => Bits.host(value)).reduce((a, b) => a.join(b)),
        );
        run.choice = { at: to, values: Array.from({ length: modulus }, (_, n) => offset + n) };
      }
      return true;
    }
    case 'dynset':
      return expression.isInverted || expression.conditions.some(({ kind }) => kind !== 'quiet') ? undefined : true;
    case 'reject':
      return run.decide({ kind: 'reject', with: expression.isReset ? 'reset' : 'icmp' });
    case 'match':
      return xtMatches(expression, run);
    case 'target':
      return xtTarget(expression, run);
    case 'notrack':
      if (!run.place.isAfterConntrack) run.change().isTracked = false;
      return true;
    case 'object':
      return expression.name !== undefined && QUIET_OBJECTS.has(expression.object) ? true : undefined;
    case 'quiet':
      return true;
    case 'chance':
      if (expression.to !== undefined) run.put(expression.to, Bits.unknown(INTERFACE_BYTES));
      return undefined;
  }
}

function bitwise(run: RuleRun, { from, from2, to, length, op, mask, xor, shift = 0 }: Expression & { kind: 'bitwise' }): true {
  const bits = run.get(from, length);
  const other = from2 === undefined ? new Bits(mask ?? new Uint8Array(length)) : run.get(from2, length);
  if (op === BITWISE.MASK_XOR) run.put(to, bits.maskXor(mask!, xor!));
  else if (op === BITWISE.AND) run.put(to, bits.and(other));
  else if (op === BITWISE.OR) run.put(to, bits.or(other));
  else if (op === BITWISE.XOR) run.put(to, bits.xor(other));
  else run.put(to, bits.shift(op === BITWISE.LSHIFT ? shift : -shift));
  return true;
}

function lookup(run: RuleRun, { set: name, from, to, isInverted }: Expression & { kind: 'lookup' }): Tri {
  const set = run.place.sets[setId(run.chain.family, run.chain.table, name)];
  if (!set || set.why !== undefined) {
    run.doubt = `${name}: ${set?.why ?? 'the set has not been read'}`;
    if (to === VERDICT) run.decisions = [{ kind: 'queue' }];
    else if (to !== undefined) run.put(to, Bits.unknown(INTERFACE_BYTES));
    return undefined;
  }
  const key = run.get(from, set.keyLength);
  const keys = run.choice?.at === from && set.keyLength === 4 ? run.choice.values.map((value) => Bits.host(value)) : [key];
  const found = keys.map((each) => lookUp(set, each));
  const hits = found.flatMap(({ hits: each }) => each);
  const isFound: Tri = found.every(({ isSure }) => isSure) ? true : hits.length === 0 ? false : undefined;
  if (to !== undefined && hits.length > 0) {
    const values = hits.flatMap((hit) => (hit && 'value' in hit ? [hit.value] : []));
    const verdicts = hits.flatMap((hit) => (hit && 'verdict' in hit ? [hit.verdict] : []));
    if (to === VERDICT) run.decisions = verdicts;
    else if (values.length > 0)
      run.put(
        to,
        values.map((value) => new Bits(value)).reduce((a, b) => a.join(b)),
      );
  }
  return isInverted ? not(isFound) : isFound;
}

function loadMeta(run: RuleRun, key: number, to: number): Tri {
  const { packet, hook, surroundings } = run.place;
  const device = (side: 'in' | 'out'): string | null | undefined => interfaceOf(packet, hook, side);
  switch (key) {
    case META.PROTOCOL:
      run.put(to, Bits.u16(ETHERTYPE[run.family]));
      return true;
    case META.NFPROTO:
      run.put(to, Bits.u8(NFPROTO[run.family]));
      return true;
    case META.L4PROTO:
      run.put(to, Bits.u8(packet.proto));
      return true;
    case META.MARK:
      run.put(to, run.state.mark);
      return true;
    case META.IIFNAME:
      run.put(to, nameBits(device('in')));
      return true;
    case META.OIFNAME:
      run.put(to, nameBits(device('out')));
      return true;
    case META.IIF:
      run.put(to, indexBits(device('in'), surroundings));
      return true;
    case META.OIF:
      run.put(to, indexBits(device('out'), surroundings));
      return true;
    case META.PKTTYPE:
      run.put(to, run.packetType());
      return true;
    case META.SKUID:
    case META.SKGID:
    case META.CGROUP:
      run.put(to, Bits.unknown(4));
      return typeof device('in') === 'string' ? false : undefined;
    default:
      run.put(to, Bits.unknown(INTERFACE_BYTES));
      return true;
  }
}

function setMeta(run: RuleRun, key: number, from: number): true {
  if (key === META.MARK) run.change().mark = run.get(from, 4);
  return true;
}

function setCt(run: RuleRun, key: number, from: number): true {
  if (key === CT.MARK) run.setCtMark(run.get(from, 4));
  return true;
}

function loadCt(run: RuleRun, { key, direction, to: register }: Expression & { kind: 'ct' }): Tri {
  const to = register!;
  if (key === CT.STATE) {
    run.put(to, run.ctState());
    return true;
  }
  const { packet } = run.place;
  const ends = (): Ends => run.ends(direction === 1 ? 'reply' : 'original');
  const addressBytes = run.family === 4 ? 4 : 16;
  switch (key) {
    case CT.DIRECTION:
      run.put(to, Bits.u8(packet.ct.direction === 'reply' ? 1 : 0));
      break;
    case CT.STATUS:
      run.put(to, run.state.status);
      break;
    case CT.MARK:
      run.put(to, run.state.ctMark);
      break;
    case CT.HELPER: {
      const { helper } = packet.ct;
      if (helper === null) return false;
      run.put(to, helper === undefined ? Bits.unknown(INTERFACE_BYTES) : nameBits(helper));
      return helper === undefined ? undefined : run.hasEntry;
    }
    case CT.L3PROTOCOL:
      run.put(to, Bits.u8(NFPROTO[run.family]));
      break;
    case CT.PROTOCOL:
      run.put(to, Bits.u8(packet.proto));
      break;
    case CT.SRC_IP:
    case CT.SRC_IP6:
    case CT.SRC:
      if ((key === CT.SRC_IP && run.family === 6) || (key === CT.SRC_IP6 && run.family === 4)) return false;
      run.put(to, Bits.of(ends().src, addressBytes));
      break;
    case CT.DST_IP:
    case CT.DST_IP6:
    case CT.DST:
      if ((key === CT.DST_IP && run.family === 6) || (key === CT.DST_IP6 && run.family === 4)) return false;
      run.put(to, Bits.of(ends().dst, addressBytes));
      break;
    case CT.PROTO_SRC:
      run.put(to, Bits.u16(ends().sport));
      break;
    case CT.PROTO_DST:
      run.put(to, Bits.u16(ends().dport));
      break;
    case CT.ZONE: {
      const { zone } = packet.ct;
      run.put(to, zone === undefined ? Bits.unknown(2) : Bits.host(zone).slice(HOST_IS_LITTLE_ENDIAN ? 0 : 2, 2));
      break;
    }
    default:
      run.put(to, Bits.unknown(INTERFACE_BYTES));
  }
  return run.hasEntry;
}

function fib(run: RuleRun, { to, result, flags }: Expression & { kind: 'fib' }): Tri {
  const { packet, hook, surroundings } = run.place;
  const side = (flags & FIB_FLAG.SOURCE) !== 0 ? 'src' : 'dst';
  const address = run.state.address(run.family, side);
  if (result === FIB_RESULT.TYPE) {
    const limit =
      (flags & FIB_FLAG.IIF) !== 0
        ? interfaceOf(packet, hook, 'in')
        : (flags & FIB_FLAG.OIF) !== 0
          ? interfaceOf(packet, hook, 'out')
          : null;
    const link = limit == null ? undefined : [...surroundings.links].find(([, name]) => name === limit)?.[0];
    const isKnown = limit !== undefined && (limit === null || link !== undefined);
    run.put(to, Bits.host(isKnown ? addressTypeOf(address, surroundings, link) : undefined));
    return true;
  }
  if ((flags & FIB_FLAG.PRESENT) === 0) {
    run.put(to, Bits.unknown(INTERFACE_BYTES));
    return true;
  }
  const isThere = hasRoute(run, address, flags);
  run.put(to, isThere === undefined ? Bits.unknown(1) : Bits.u8(isThere ? 1 : 0));
  return true;
}

/** Whether a route leads to an address, by the interface that the packet came or goes by if that is asked. */
function hasRoute(run: RuleRun, address: Bits, flags: number): Tri {
  const { packet, hook, surroundings } = run.place;
  const mark = (flags & FIB_FLAG.MARK) === 0 ? 0 : run.state.mark.hostNumber();
  if (!address.isKnown || mark === undefined || interfaceOf(packet, hook, 'in') === 'lo') return undefined;
  const ways = surroundings.waysOut?.({ destination: address.value, mark });
  if (!ways) return undefined;
  const side = (flags & FIB_FLAG.IIF) !== 0 ? 'in' : (flags & FIB_FLAG.OIF) !== 0 ? 'out' : undefined;
  if (side === undefined) return ways.length > 0;
  const name = interfaceOf(packet, hook, side);
  return name === undefined ? undefined : ways.some((link) => surroundings.links.get(link) === name);
}

function nat(run: RuleRun, { isSource, addressFrom, addressTo, portFrom, portTo, flags, family }: Expression & { kind: 'nat' }): Tri {
  if (family !== NFPROTO[run.family] && family !== 1) return false;
  const length = run.family === 4 ? 4 : 16;
  const low = addressFrom === undefined ? undefined : run.get(addressFrom, length);
  const high = addressTo === undefined ? low : run.get(addressTo, length);
  const ports = portsOf(run, { portFrom, portTo });
  const translation: Translation = {
    isSource,
    kind: 'to',
    addresses: low && [low, high!],
    ports,
    isRandom: (flags & NAT_FLAG.RANDOM) !== 0,
    rule: '',
  };
  return run.decide({
    kind: 'translate',
    translation:
      (flags & NAT_FLAG.NETMAP) !== 0 ? netmap(translation, run.state.address(run.family, isSource ? 'src' : 'dst')) : translation,
  });
}

function portsOf(run: RuleRun, { portFrom, portTo }: { portFrom?: number; portTo?: number }): [Bits, Bits] | undefined {
  if (portFrom === undefined) return undefined;
  return [run.get(portFrom, 2), run.get(portTo ?? portFrom, 2)];
}

function compare(bits: Bits, from: number, op: number, value: Uint8Array): Tri {
  if (op === CMP.EQ) return bits.equals(value, from);
  if (op === CMP.NEQ) return not(bits.equals(value, from));
  const [zero, most] = [new Uint8Array(value.length), new Uint8Array(value.length).fill(0xff)];
  const [isAtMost, isAtLeast] = [bits.isWithin(zero, value, from), bits.isWithin(value, most, from)];
  if (op === CMP.LTE) return isAtMost;
  if (op === CMP.GTE) return isAtLeast;
  return op === CMP.LT ? not(isAtLeast) : not(isAtMost);
}

function indexBits(name: string | null | undefined, { links }: Surroundings): Bits {
  if (name === null) return Bits.host(0);
  return Bits.host(name === undefined ? undefined : [...links].find(([, each]) => each === name)?.[0]);
}

function doubtOf(expression: Expression): string {
  switch (expression.kind) {
    case 'chance':
      return `${expression.name} decides by what is not known here`;
    case 'object':
      return 'an object decides by what is not known here';
    case 'dynset':
      return `the set ${expression.set} counts packets`;
    case 'match':
      return `the match ${expression.name} cannot be evaluated`;
    case 'target':
      return `the target ${expression.name} cannot be evaluated`;
    default:
      return 'it asks what is not known of the packet';
  }
}
