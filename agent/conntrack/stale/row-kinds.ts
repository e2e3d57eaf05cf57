import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import type { RoutePrefix } from '../../netlink/route-messages.ts';
import type { Hook } from '../../firewall/rules/packet.ts';
import { HOOKS } from './asked-rules.ts';
import type { Columns } from '../rows/columns.ts';
import type { Routes } from './routes.ts';
import { Kinds } from '../rows/kinds.ts';
import { Partition, portPieces } from './partition.ts';
import type { Evidence } from './stale-rows.ts';
import type { WanFacts } from '../table.ts';

const HAS_PORTS = Uint8Array.from({ length: 256 }, (_, proto) =>
  Number(([PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.udplite, PROTOCOLS.sctp, PROTOCOLS.dccp] as number[]).includes(proto)),
);
const WORDS = 9;
/** Including what the other side sends. */
const WORDS_BACK = 11;

/** Which hooks distinguish rows; `rows`: which rows, all if absent; `isBack`: also by what the other side sends. */
export interface KindsAsked {
  hooks?: readonly Hook[];
  rows?: Uint32Array;
  isBack?: boolean;
}

/**
 * The kind of each of the rows, and the first row of each kind: rows of one kind differ in nothing that routes, rules and WANs depend on.
 * Takes about 200 ns a row, which is why it is one loop.
 */
export function kindsOfRows(
  columns: Columns,
  { routes, wans, asked }: Evidence,
  { hooks = HOOKS, rows, isBack = false }: KindsAsked = {},
): { kinds: Int32Array; firsts: number[] } {
  const count = rows?.length ?? columns.count;
  const {
    common: { family, proto, status, shape, origSrc, origDst, replySrc, replyDst, sport, dport, rsport, rdport, mark, zone },
    rare,
    addresses6,
  } = columns;
  const reads = hooks.flatMap((hook) => asked.reads(hook) ?? []);
  const cuts = cutsOf(
    routes,
    wans,
    reads.flatMap(({ sources, destinations }) => [...sources.prefixes, ...destinations.prefixes]),
  );
  const fields = new Set(reads.flatMap((one) => [...one.fields]));
  const readsEnds = fields.has('original') || fields.has('reply');
  const pieces =
    cuts === undefined || readsEnds || reads.some(({ sources, destinations }) => sources.areWhole || destinations.areWhole)
      ? undefined
      : cuts;
  const pieces6 = Int32Array.from({ length: addresses6.count }, (_, index) => (pieces ? pieces.of6(addresses6.bytesOf(index)) : index));
  const ruled = routes.useTransport ? routes.ports : [];
  const [sports, dports] = [
    portPieces([...reads.flatMap((one) => one.sports), ...ruled]),
    portPieces([...reads.flatMap((one) => one.dports), ...ruled]),
  ];
  const { useTransport } = routes;
  const readsIcmp = fields.has('icmp');
  const statusBits = fields.has('status') ? 0xffff : IPS.EXPECTED | IPS.SEEN_REPLY | IPS.DST_NAT;
  const markBits = reads.reduce((bits, one) => bits | (one.fields.has('ctMark') ? one.ctMark : 0), 0);
  const helper = fields.has('helper') ? rare.helper : undefined;
  const { origPackets, replyPackets } = rare;
  const numbers = new Kinds(isBack ? WORDS_BACK : WORDS);
  const tuple = new Int32Array(isBack ? WORDS_BACK : WORDS);
  const kinds = new Int32Array(count);
  const firsts: number[] = [];
  for (let index = 0; index < count; index++) {
    const row = rows ? rows[index]! : index;
    const isV4 = family[row] === 4;
    const isTranslated = replyDst[row] !== origSrc[row];
    const hasPorts = HAS_PORTS[proto[row]!] === 1;
    const isForwarded = replySrc[row] !== origDst[row] || (hasPorts && rsport[row] !== dport[row]);
    const isUncounted = origPackets !== undefined && replyPackets !== undefined && origPackets[row] === 0 && replyPackets[row] === 0;
    tuple[0] = !isV4 ? pieces6[origSrc[row]!]! : pieces ? pieces.of4(origSrc[row]!) : origSrc[row]!;
    tuple[1] = !isV4 ? pieces6[origDst[row]!]! : pieces ? pieces.of4(origDst[row]!) : origDst[row]!;
    tuple[2] = isTranslated ? replyDst[row]! : 0;
    tuple[3] = isForwarded ? replySrc[row]! : 0;
    tuple[4] =
      proto[row]! |
      (isV4 ? 0x100 : 0) |
      (isTranslated ? 0x200 : 0) |
      (isForwarded ? 0x400 : 0) |
      (isUncounted ? 0x800 : 0) |
      (shape[row]! << 12) |
      (helper && helper[row]! >= 0 ? (helper[row]! + 1) << 20 : 0);
    tuple[5] = hasPorts
      ? readsEnds
        ? sport[row]! | (dport[row]! << 16)
        : sports[sport[row]!]! | (dports[dport[row]!]! << 16)
      : readsIcmp
        ? dport[row]!
        : 0;
    tuple[6] = !hasPorts ? 0 : (isForwarded ? rsport[row]! : 0) | (useTransport ? sports[rdport[row]!]! << 16 : 0);
    tuple[7] = mark[row]! & markBits;
    tuple[8] = (status[row]! & statusBits) | (zone[row]! << 16);
    if (isBack) {
      tuple[9] = hasPorts ? sports[rsport[row]!]! | (dports[rdport[row]!]! << 16) : 0;
      // Whether translation changed the ports.
      tuple[10] = hasPorts ? Number(sport[row] !== rdport[row]) | (Number(dport[row] !== rsport[row]) << 1) : 0;
    }
    const kind = numbers.of(tuple);
    if (kind === firsts.length) firsts.push(row);
    kinds[index] = kind;
  }
  return { kinds, firsts };
}

/** The partition of addresses by everything that distinguishes them; undefined if there are too many routes to read. */
function cutsOf(routes: Routes, wans: readonly WanFacts[], ruled: RoutePrefix[]): Partition | undefined {
  if (!routes.prefixes) return undefined;
  const hosts = [...routes.addresses, ...wans.flatMap(({ addresses }) => addresses)].map((bytes) => ({ bytes, bits: bytes.length * 8 }));
  return new Partition([...routes.prefixes, ...ruled, ...hosts]);
}
