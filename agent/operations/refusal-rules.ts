import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import type { Flow, Tuple } from '../../proto/model/flow.ts';

import { RESET_TABLE } from '../rules/own-tables.ts';

/** Our own table, which nothing else writes to; it is there only while something is refused. */
export const TABLE = `inet ${RESET_TABLE}`;

/** An element of one of our sets. `value`: as nft writes it in a command. */
export interface RefusedElement { set: string; value: string }

/** Its sets, with how many parts an element of each has. */
export const SETS: Readonly<Record<string, number>> = { reset4: 3, block4: 5, reset6: 3, block6: 5 };

/** How packets of a flow are refused: `reset` while the very entry lives, `block` by addresses and ports, whatever entry they have. */
export type Refusal = 'reset' | 'block';

/** The commands for `nft -f` that put the table there empty, whatever was left of one before. */
export function emptyTable(): string {
  const sets = (['4', '6'] as const).flatMap((family) => {
    const [ip, type] = family === '4' ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr'];
    return [
      `set reset${family} { typeof ct id . ct original ${ip} saddr . ct original ${ip} daddr; flags timeout; }`,
      `set block${family} { type ${type} . ${type} . inet_proto . inet_service . inet_service; flags timeout; }`,
    ];
  });
  // Our own RST leaves through the output hook as a packet of the same flow.
  const answerable = 'meta l4proto tcp tcp flags & rst == 0x0';
  const rules = (['4', '6'] as const).flatMap((family) => {
    const ip = family === '4' ? 'ip' : 'ip6';
    const packet = `${ip} saddr . ${ip} daddr . meta l4proto . th sport . th dport @block${family}`;
    return [
      `${answerable} ct id . ct original ${ip} saddr . ct original ${ip} daddr @reset${family} reject with tcp reset`,
      `${answerable} ${packet} reject with tcp reset`,
      `meta l4proto != tcp ${packet} reject`,
    ];
  });
  // Before the gateway's own rules: a packet that they drop would be answered by nobody.
  const chains = ['input', 'forward', 'output'].map((hook) => `chain ending_${hook} { type filter hook ${hook} priority filter - 10; policy accept;\n${rules.join('\n')}\n}`);
  return `add table ${TABLE}\ndelete table ${TABLE}\ntable ${TABLE} {\n${[...sets, ...chains].join('\n')}\n}\n`;
}

export function noTable(): string {
  return `delete table ${TABLE}\n`;
}

/** True if the flow's packets can be told from all others: by the entry that they have for a reset, by ports for a block. */
export function canRefuse(refusal: Refusal, { proto }: Flow): boolean {
  return refusal === 'reset' ? proto === PROTOCOLS.tcp : hasPorts(proto);
}

/**
 * The commands that refuse packets of these flows for so many seconds; the kernel itself forgets them then, also if the agent is gone. Made of
 * numbers and of addresses that were parsed, never of text that somebody wrote. Throws TypeError for a flow that is not one.
 */
export function refuse(refusal: Refusal, flows: readonly Flow[], seconds: number): string {
  const elements = elementsOf(refusal, flows);
  return Object.keys(SETS).map((set) => {
    const timed = elements.filter((element) => element.set === set).map(({ value }) => `${value} timeout ${whole(seconds)}s`);
    return timed.length > 0 ? `add element ${TABLE} ${set} { ${timed.join(', ')} }\n` : '';
  }).join('');
}

/** What stands for these flows in our sets, each once. Throws TypeError for a flow that is not one. */
export function elementsOf(refusal: Refusal, flows: readonly Flow[]): RefusedElement[] {
  return ([4, 6] as const).flatMap((family) => {
    const values = flows.filter((flow) => flow.family === family).flatMap((flow) => (refusal === 'reset' ? [entryElement(flow)] : packetElements(flow)));
    return [...new Set(values)].map((value) => ({ set: `${refusal}${family}`, value }));
  });
}

/** The commands that refuse them no more. An element that ran out is added first, because nft takes nothing away that is not there. */
export function release(refusal: Refusal, flows: readonly Flow[]): string {
  const added = refuse(refusal, flows, 1);
  return added + added.replaceAll('add element', 'delete element').replaceAll(/ timeout \d+s/g, '');
}

/** An id alone is not unique in a machine with a million entries; with both addresses it is. */
function entryElement({ id, orig }: Flow): string {
  return `${whole(id)} . ${address(orig.src)} . ${address(orig.dst)}`;
}

/**
 * A packet as the hooks meet it: of the client before its source is translated, of the server after its destination is translated back, and,
 * when the entry is gone, of the server to the gateway's own address.
 */
function packetElements({ proto, orig, reply }: Flow): string[] {
  const packet = (src: string, dst: string, sport: number | undefined, dport: number | undefined): string => [address(src), address(dst), whole(proto), whole(sport), whole(dport)].join(' . ');
  const client: Pick<Tuple, 'src' | 'sport'> = orig;
  return [
    packet(client.src, reply.src, client.sport, reply.sport),
    packet(reply.src, client.src, reply.sport, client.sport),
    packet(reply.src, reply.dst, reply.sport, reply.dport),
  ];
}

function address(text: string): string {
  const bytes = parseAddress(text);
  if (!bytes) throw new TypeError(`${text} is not an address`);
  return formatAddress(bytes);
}

function whole(value: number | undefined): string {
  if (value === undefined || !Number.isSafeInteger(value) || value < 0) throw new TypeError(`${value} is not a whole number`);
  return String(value);
}
