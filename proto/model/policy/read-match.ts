import { isScalar } from 'yaml';
import { formatPrefix, parseAddress, parsePrefix } from '../address.ts';
import type { NumberRange } from '../block/packets.ts';
import { parseMark } from '../mark.ts';
import { portNumber } from '../ports.ts';
import { withoutAbsent } from '../without-absent.ts';
import { hasPorts, protocolName, protocolNumber } from '../protocol.ts';
import type { PolicyMatch } from './document.ts';
import { MAX_LIST, ZONE_RANGE } from './limits.ts';
import { quoted, type Place, type Reading } from '../yaml/reading.ts';

const MATCH_KEYS = ['proto', 'src', 'dst', 'sport', 'dport', 'iif', 'oif', 'zone', 'mark'] as const;

/** An interface as Linux names it, without what nft or a shell might take for something else; `*` at the end stands for any rest. */
const INTERFACE = /^(?:[A-Za-z0-9][A-Za-z0-9_.:-]{0,14}|[A-Za-z0-9][A-Za-z0-9_.:-]{0,13}\*)$/;

/** What a rule matches. */
export function readMatch(reading: Reading, place: Place): PolicyMatch {
  const keys = reading.map(place, MATCH_KEYS) ?? {};
  const list = <T>(at: Place | undefined, read: (item: Place) => T | undefined): T[] | undefined =>
    at && filled(reading, at, reading.list(at, MAX_LIST, { isOrOne: true })?.map(read));
  const match: PolicyMatch = {
    proto: keys.proto && readProtocol(reading, keys.proto),
    src: list(keys.src, (item) => readPrefix(reading, item)),
    dst: list(keys.dst, (item) => readPrefix(reading, item)),
    sport: list(keys.sport, (item) => readPorts(reading, item)),
    dport: list(keys.dport, (item) => readPorts(reading, item)),
    iif: list(keys.iif, (item) => readInterface(reading, item)),
    oif: list(keys.oif, (item) => readInterface(reading, item)),
    zone: keys.zone && reading.integer(keys.zone, ZONE_RANGE),
    mark: keys.mark && readMark(reading, keys.mark),
  };
  for (const ports of [keys.sport, keys.dport])
    if (ports && (!keys.proto || (match.proto !== undefined && !hasPorts(protocolNumber(match.proto)!))))
      reading.wrong(ports, 'ports need a protocol that has them', 'add proto: tcp or proto: udp; for both, write two rules');
  if (keys.dst && match.src && match.dst && !match.src.some((src) => match.dst!.some((dst) => isIPv4(src) === isIPv4(dst))))
    reading.wrong(keys.dst, 'src and dst are never of the same family, so that no packet matches', 'give both IPv4 or both IPv6 addresses');
  return withoutAbsent(match);
}

function isIPv4(prefix: string): boolean {
  return !prefix.includes(':');
}

function filled<T>(reading: Reading, place: Place, items: (T | undefined)[] | undefined): T[] | undefined {
  if (items?.length === 0) return reading.wrong(place, 'the list is empty', 'give a value, or remove the key to match everything');
  return items?.filter((item) => item !== undefined);
}

function readProtocol(reading: Reading, place: Place): string | undefined {
  const text = reading.text(place, 'a protocol');
  if (text === undefined) return undefined;
  const proto = protocolNumber(text);
  return proto === undefined
    ? reading.wrong(place, `${quoted(text)} is not a protocol`, 'write a name such as tcp, udp or icmp, or a number from 0 to 255')
    : protocolName(proto);
}

function readPrefix(reading: Reading, place: Place): string | undefined {
  const text = reading.text(place, 'an address or prefix');
  if (text === undefined) return undefined;
  const prefix = parsePrefix(text);
  if (!prefix)
    return reading.wrong(place, `${quoted(text)} is not an address or prefix`, 'write one such as 10.1.0.0/16, 192.0.2.7 or fd00::/8');
  const address = parseAddress(text.split('/')[0]!)!;
  const isExact = prefix.address.every((byte, index) => byte === address[index]);
  return isExact
    ? formatPrefix(prefix)
    : reading.wrong(
        place,
        `${quoted(text)} is a host of the prefix ${formatPrefix(prefix)}`,
        `write ${formatPrefix(prefix)}, or the address alone`,
      );
}

function readPorts(reading: Reading, place: Place): NumberRange | undefined {
  const text = reading.text(place, 'a port or range of ports');
  if (text === undefined) return undefined;
  const [, low, high] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const [from, to] = low === undefined ? [portNumber(text), portNumber(text)] : [portNumber(low), portNumber(high!)];
  if (from === undefined || to === undefined || from > to)
    return reading.wrong(place, `${quoted(text)} is not a port or range of ports`, 'write 5060, https or 10000-20000');
  return { from, to };
}

function readInterface(reading: Reading, place: Place): string | undefined {
  const text = reading.text(place, 'an interface');
  if (text === undefined || INTERFACE.test(text)) return text;
  return reading.wrong(
    place,
    `${quoted(text)} is not the name of an interface`,
    'write at most 15 letters, digits, “_”, “.”, “:” and “-”, with “*” at the end for all that begin so',
  );
}

function readMark(reading: Reading, place: Place): PolicyMatch['mark'] {
  const { node } = place;
  const text = reading.text(place, 'a mark');
  if (text === undefined) return undefined;
  const mark = isScalar(node) && typeof node.value === 'boolean' ? undefined : parseMark(text);
  if (!mark || mark.mask === 0)
    return reading.wrong(place, `${quoted(text)} is not a mark`, 'write 0x100, or 0x100/0xff00 for the bits of a mask');
  return mark;
}
