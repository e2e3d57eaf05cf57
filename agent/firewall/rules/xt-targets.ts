import { hostU16, hostU32 } from '../../netlink/attributes.ts';
import { Bits, type Tri } from './bits.ts';
import { NAT_FLAG } from './nf-tables.ts';
import type { RuleRun } from './rule-run.ts';
import { netmap, type Translation } from './state.ts';

/** A target of iptables as the kernel has it; those that only accept, drop, return or jump are no targets in nf_tables. */
export interface XtTarget {
  name: string;
  revision: number;
  info: Uint8Array;
}

/** Changes of packets that no rule asks for, or that go elsewhere. */
const QUIET = new Set([
  'LOG',
  'NFLOG',
  'ULOG',
  'TRACE',
  'AUDIT',
  'CHECKSUM',
  'CLASSIFY',
  'DSCP',
  'TOS',
  'TTL',
  'HL',
  'ECN',
  'TEE',
  'IDLETIMER',
  'RATEEST',
  'CONNSECMARK',
  'SECMARK',
  'LED',
  'TCPMSS',
  'TCPOPTSTRIP',
]);
const [SET, SAVE] = [0, 1];

/** Carries a target out. Of one that is not known it is not known whether the packet goes on, nor with which mark. */
export function xtTarget({ name, revision, info }: XtTarget, run: RuleRun): Tri {
  if (QUIET.has(name)) return true;
  const known = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  if (known && info.length >= known.bytes) {
    known.carryOut({ name, revision, info }, run);
    return true;
  }
  run.change().mark = Bits.unknown(4);
  run.doubt = `the target ${name} cannot be evaluated`;
  return run.decide({ kind: 'queue' }, { kind: 'continue' });
}

interface Known {
  bytes: number;
  carryOut(target: XtTarget, run: RuleRun): void;
}

const TARGETS: Record<string, Known> = {
  MARK: {
    bytes: 8,
    carryOut: ({ info }, run) => {
      run.change().mark = replace(run.state.mark, info.subarray(4, 8), new Bits(info.slice(0, 4)));
    },
  },
  CONNMARK: { bytes: 13, carryOut: connmark },
  CT: {
    bytes: 2,
    carryOut: ({ info }, run) => {
      if ((hostU16(info, 0) & 1) !== 0) untrack(run);
    },
  },
  NOTRACK: { bytes: 0, carryOut: (_target, run) => untrack(run) },
  REJECT: {
    bytes: 4,
    carryOut: ({ info }, run) => {
      run.decide({ kind: 'reject', with: hostU32(info, 0) === (run.family === 4 ? 7 : 6) ? 'reset' : 'icmp' });
    },
  },
  MASQUERADE: {
    bytes: 20,
    carryOut: (target, run) =>
      translate(run, { ...range(target, run, run.family === 4), addresses: undefined, isSource: true, kind: 'masquerade' }),
  },
  REDIRECT: {
    bytes: 20,
    carryOut: (target, run) =>
      translate(run, { ...range(target, run, run.family === 4), addresses: undefined, isSource: false, kind: 'redirect' }),
  },
  SNAT: {
    bytes: 20,
    carryOut: (target, run) => translate(run, { ...range(target, run, target.revision === 0), isSource: true, kind: 'to' }),
  },
  DNAT: {
    bytes: 20,
    carryOut: (target, run) => translate(run, { ...range(target, run, target.revision === 0), isSource: false, kind: 'to' }),
  },
  NETMAP: {
    bytes: 20,
    carryOut: (target, run) => {
      const isSource = run.place.hook === 'postrouting' || run.place.hook === 'input';
      translate(
        run,
        netmap({ ...range(target, run, run.family === 4), isSource, kind: 'to' }, run.state.address(run.family, isSource ? 'src' : 'dst')),
      );
    },
  },
  /** May set the mark of the packet from the set. */
  SET: {
    bytes: 0,
    carryOut: (_target, run) => {
      run.change().mark = Bits.unknown(4);
    },
  },
  HMARK: {
    bytes: 0,
    carryOut: (_target, run) => {
      run.change().mark = Bits.unknown(4);
    },
  },
};

/** True for a target of which it is known here what it does, or at least that it says nothing about tracking. */
export function isKnownXtTarget(name: string): boolean {
  return QUIET.has(name) || Object.hasOwn(TARGETS, name);
}

function untrack(run: RuleRun): void {
  if (!run.place.isAfterConntrack) run.change().isTracked = false;
}

function translate(run: RuleRun, translation: Translation): void {
  run.decide({ kind: 'translate', translation });
}

/** (old & ~mask) ^ bits */
function replace(old: Bits, mask: Uint8Array, bits: Bits): Bits {
  return old
    .maskXor(
      mask.map((byte) => ~byte),
      new Uint8Array(4),
    )
    .xor(bits);
}

function connmark({ info, revision }: XtTarget, run: RuleRun): void {
  const [ctMark, ctMask, packetMask] = [info.slice(0, 4), info.subarray(4, 8), info.subarray(8, 12)];
  const [isRight, by, mode] = revision >= 2 ? [info[12] === 1, info[13]!, info[14]] : [false, 0, info[12]];
  const shift = (bits: Bits): Bits => (by === 0 ? bits : bits.shift(isRight ? -by : by));
  const { state, hasEntry } = run;
  const none = new Uint8Array(4);
  if (hasEntry === false) return;
  if (mode === SET) run.setCtMark(shift(replace(state.ctMark, ctMask, new Bits(ctMark))));
  else if (mode === SAVE) run.setCtMark(replace(state.ctMark, ctMask, shift(state.mark.maskXor(packetMask, none))));
  else {
    const restored = replace(state.mark, packetMask, shift(state.ctMark.maskXor(ctMask, none)));
    run.change().mark = hasEntry ? restored : restored.join(state.mark);
  }
}

/** struct nf_nat_ipv4_multi_range_compat, or nf_nat_range with addresses of 16 bytes. */
function range({ info }: XtTarget, run: RuleRun, isCompact: boolean): Pick<Translation, 'addresses' | 'ports' | 'isRandom' | 'rule'> {
  const [flagsAt, lowAt, highAt, portsAt] = isCompact ? [4, 8, 12, 16] : [0, 4, 20, 36];
  const length = run.family === 4 ? 4 : 16;
  if (info.length < portsAt + 4) return { addresses: [Bits.unknown(length), Bits.unknown(length)], isRandom: true, rule: '' };
  const flags = hostU32(info, flagsAt);
  const bits = (at: number, size: number): Bits => new Bits(info.slice(at, at + size));
  return {
    addresses: (flags & NAT_FLAG.ADDRESSES) === 0 ? undefined : [bits(lowAt, length), bits(highAt, length)],
    ports: (flags & NAT_FLAG.PORTS) === 0 ? undefined : [bits(portsAt, 2), bits(portsAt + 2, 2)],
    isRandom: (flags & NAT_FLAG.RANDOM) !== 0,
    rule: '',
  };
}
