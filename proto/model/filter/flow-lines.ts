import { parseAddress } from '../address.ts';
import type { FilterProblem } from './filter.ts';

type LineTuple = Partial<Record<string, string>> & { src: string; dst: string };

/** True for a line with both tuples of an entry, which as a filter would require two sources at once. */
export function isConntrackLine(text: string): boolean {
  return /\bsrc=\S+\s+dst=\S+\s[\s\S]*\bsrc=\S+\s+dst=/.test(text);
}

/**
 * The filter that finds exactly the flows of these lines of `conntrack -L`, `conntrack -E` or /proc/net/nf_conntrack. Undefined if one of
 * them is something else.
 */
export function fromConntrackLines(text: string): string | undefined {
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(fromConntrackLine);
  if (lines.length === 0 || lines.includes(undefined)) return undefined;
  return lines.length === 1 ? lines[0] : lines.map((line) => `(${line})`).join(' or ');
}

function fromConntrackLine(line: string): string | undefined {
  const [head = '', ...rest] = line.split(/(?=\bsrc=)/);
  const proto = /(?:^|\s)(?!ipv[46]\s)[a-z][\w-]*\s+(\d{1,3})(?=\s)/i.exec(head)?.[1];
  const [orig, reply] = rest.slice(0, 2).map(tupleOf);
  if ((proto === undefined && rest.length < 2) || rest.length > 2 || !orig?.dst) return undefined;
  // For a ping the first `id` is ICMP's, and only a later one is the entry's.
  const last = reply ?? orig;
  const entryId = last['entry-id'] ?? (last.type === undefined ? last.id : undefined);
  return [
    ...(proto === undefined ? [] : [`proto:${proto}`]),
    ...end('src', orig.src, orig.sport),
    ...end('dst', orig.dst, orig.dport),
    ...(orig.type === undefined ? [] : [`icmp-type:${orig.type}`, `icmp-code:${orig.code}`, `icmp-id:${orig.id}`]),
    ...(orig.srckey === undefined ? [] : [`srckey:${orig.srckey}`, `dstkey:${orig.dstkey}`]),
    ...(reply?.dst ? [...end('rsrc', reply.src, reply.sport), ...end('rdst', reply.dst, reply.dport)] : []),
    ...(reply?.srckey === undefined ? [] : [`rsrckey:${reply.srckey}`, `rdstkey:${reply.dstkey}`]),
    `zone:${last.zone ?? 0}`,
    `orig-zone:${orig['zone-orig'] ?? 'none'}`,
    `reply-zone:${last['zone-reply'] ?? 'none'}`,
    ...(entryId === undefined ? [] : [`id:${entryId}`]),
  ].join(' ');
}

function tupleOf(text: string): LineTuple {
  const tuple: LineTuple = { src: '', dst: '' };
  for (const [, name, value] of text.matchAll(/(?:^|\s)([a-z-]+)=(\S+)/g)) {
    tuple[name === 'id' && tuple.id !== undefined ? 'entry-id' : name!] = value!;
  }
  return tuple;
}

function end(field: string, address: string, port: string | undefined): string[] {
  return [`${field}:${endpoint(address, port)}`];
}

/** The filter for a line of ss or netstat, with both ends of a socket; a problem if it has only the local one. */
export function fromSocketLine(text: string): { suggestion: string } | Pick<FilterProblem, 'message'> | undefined {
  const { netid, state, proto, local, peer } =
    (
      /^\s*(?:(?<netid>tcp|udp|sctp|dccp)\s+)?(?<state>[A-Z][A-Z\d-]+)\s+\d+\s+\d+\s+(?<local>\S+)\s+(?<peer>\S+)(?:\s.*)?$/.exec(text) ??
      /^\s*(?<proto>tcp|udp)6?\s+\d+\s+\d+\s+(?<local>\S+:\S+)\s+(?<peer>\S+:\S+)(?:\s.*)?$/.exec(text)
    )?.groups ?? {};
  const ends = [local, peer].map((one) => one && socketEnd(one));
  if (local === undefined || ends.includes(undefined)) return undefined;
  if (ends.includes('')) return { message: 'This socket has only one end and is not a flow; give the intended address and port' };
  const transport = netid ?? proto ?? (state === 'ESTAB' || state === 'UNCONN' ? undefined : 'tcp');
  return { suggestion: [transport && `proto:${transport}`, ...ends].filter(Boolean).join(' ') };
}

/** An end as printed by ss and netstat: with the interface, and IPv4 as mapped IPv6. Empty for a wildcard, undefined if it is not one. */
function socketEnd(text: string): string | undefined {
  const at = text.lastIndexOf(':');
  const address = text
    .slice(0, at)
    .replaceAll(/^\[|\]$|%[^\]]*/g, '')
    .replace(/^::ffff:(?=\d+\.)/i, '');
  const port = text.slice(at + 1);
  if (at < 0) return undefined;
  if (port === '*' || address === '*' || address === '0.0.0.0' || address === '::') return '';
  return parseAddress(address) ? endpoint(address, port) : undefined;
}

/** The filter for a flow written with an arrow between its ends, as by pfctl, tcpdump and FortiOS. */
export function fromArrowLine(text: string): string | undefined {
  const packet =
    /^(?:[\d:.]+\s+)?IP6?\s+(?<from>\S+)\.(?<fromPort>\d{1,5})\s+>\s+(?<to>\S+)\.(?<toPort>\d{1,5}):(?:\s+(?<what>Flags|UDP))?(?:\s.*)?$/s.exec(
      text.trim(),
    )?.groups;
  if (packet) {
    const proto = packet.what === undefined ? [] : [`proto:${packet.what === 'UDP' ? 'udp' : 'tcp'}`];
    return [...proto, endpoint(packet.from!, packet.fromPort), endpoint(packet.to!, packet.toPort)].join(' ');
  }
  const ENDPOINT = String.raw`(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:]+\]):\d{1,5}`;
  const found = new RegExp(
    String.raw`^(?<head>[^:]*?)(?<from>${ENDPOINT})(?:\s*\((?<translated>${ENDPOINT})\))?\s*(?:->|<-)\s*(?<to>${ENDPOINT})(?:\s*\((?<to2>${ENDPOINT})\))?(?<tail>\s.*)?$`,
    'is',
  ).exec(text.trim())?.groups;
  if (!found) return undefined;
  const proto = /(?:^|\s)(tcp|udp|sctp)\s+$/i.exec(found.head!)?.[1];
  if (found.head!.trim() !== '' && proto === undefined && !/\bact=\w+\s*$/.test(found.head!)) return undefined;
  return [proto && `proto:${proto.toLowerCase()}`, found.from, found.translated, found.to, found.to2].filter(Boolean).join(' ');
}

/** The filter for a SIP address: a URI or a Via header. */
export function fromSipAddress(text: string): string | undefined {
  const { transport, host } =
    (
      /^\s*(?:Via:\s*|v:\s*)?SIP\/2\.0\/(?<transport>UDP|TCP|TLS)\s+(?<host>[^\s;]+)/i.exec(text) ??
      /^\s*<?sips?:(?:[^@\s<>]+@)?(?<host>[^;>\s]+)(?:;transport=(?<transport>udp|tcp|tls))?/i.exec(text)
    )?.groups ?? {};
  if (host === undefined) return undefined;
  return [transport && `proto:${transport.toLowerCase().replace('tls', 'tcp')}`, host].filter(Boolean).join(' ');
}

function endpoint(address: string, port: string | undefined): string {
  return port === undefined ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
