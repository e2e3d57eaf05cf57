import type { Flow } from '../../../proto/model/flow.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { address, whole } from './nft-values.ts';

/** Our own table, which nothing else writes to; it is there only while something is refused. */
/** The table of ours that answers packets of flows that are being reset. */
export const RESET_TABLE = 'ctfleet_ending';
export const TABLE = `inet ${RESET_TABLE}`;

/** An element of one of our sets. `value`: as nft writes it in a command. */
export interface RefusedElement {
  set: string;
  value: string;
}

/** Its sets, with how many parts an element of each has. */
export const SETS: Readonly<Record<string, number>> = { reset4: 3, reset6: 3 };

/** The commands for `nft -f` that put the table there empty, whatever was left of one before. */
export function emptyTable(): string {
  const sets = (['4', '6'] as const).flatMap((family) => {
    const ip = family === '4' ? 'ip' : 'ip6';
    return [`set reset${family} { typeof ct id . ct original ${ip} saddr . ct original ${ip} daddr; flags timeout; }`];
  });
  // Our own RST leaves through the output hook as a packet of the same flow.
  const answerable = 'meta l4proto tcp tcp flags & rst == 0x0';
  const rules = (['4', '6'] as const).flatMap((family) => {
    const ip = family === '4' ? 'ip' : 'ip6';
    return [`${answerable} ct id . ct original ${ip} saddr . ct original ${ip} daddr @reset${family} reject with tcp reset`];
  });
  // Before the gateway's own rules: a packet that they drop would be answered by nobody.
  const chains = ['input', 'forward', 'output'].map(
    (hook) => `chain ending_${hook} { type filter hook ${hook} priority filter - 10; policy accept;\n${rules.join('\n')}\n}`,
  );
  return `add table ${TABLE}\ndelete table ${TABLE}\ntable ${TABLE} {\n${[...sets, ...chains].join('\n')}\n}\n`;
}

export function noTable(): string {
  return `delete table ${TABLE}\n`;
}

/** True for a flow that an RST can end. */
export function canReset({ proto }: Flow): boolean {
  return proto === PROTOCOLS.tcp;
}

/**
 * The commands that refuse packets of these flows for so many seconds; the kernel itself forgets them then, also if the agent is gone. Made
 * of numbers and of addresses that were parsed, never of text that somebody wrote. Throws TypeError for a flow that is not one.
 */
export function refuse(flows: readonly Flow[], seconds: number): string {
  const elements = elementsOf(flows);
  return Object.keys(SETS)
    .map((set) => {
      const timed = elements.filter((element) => element.set === set).map(({ value }) => `${value} timeout ${whole(seconds)}s`);
      return timed.length > 0 ? `add element ${TABLE} ${set} { ${timed.join(', ')} }\n` : '';
    })
    .join('');
}

/** What stands for these flows in our sets, each once. Throws TypeError for a flow that is not one. */
export function elementsOf(flows: readonly Flow[]): RefusedElement[] {
  return ([4, 6] as const).flatMap((family) => {
    const values = flows.filter((flow) => flow.family === family).map(entryElement);
    return [...new Set(values)].map((value) => ({ set: `reset${family}`, value }));
  });
}

/** The commands that refuse them no more. An element that ran out is added first, because nft takes nothing away that is not there. */
export function release(flows: readonly Flow[]): string {
  const added = refuse(flows, 1);
  return added + added.replaceAll('add element', 'delete element').replaceAll(/ timeout \d+s/g, '');
}

/** An id alone is not unique in a machine with a million entries; with both addresses it is. */
function entryElement({ id, orig }: Flow): string {
  return `${whole(id)} . ${address(orig.src)} . ${address(orig.dst)}`;
}
