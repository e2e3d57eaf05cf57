/** A network card as interrupts may name it: its interfaces, and the devices behind them, such as `eth0` and `virtio2`. */
export type CardNames = readonly string[];

/**
 * The CPU that has served the most interrupts of network cards, by /proc/interrupts; undefined where no line names a card, or none was
 * served. The columns are the CPUs that are online, by the numbers in the header.
 */
export function busiestCardCpu(interrupts: string, cards: CardNames): number | undefined {
  const [header = '', ...lines] = interrupts.split('\n');
  const cpus = [...header.matchAll(/CPU(\d+)/g)].map(([, number]) => Number(number));
  const served = cpus.map(() => 0);
  for (const line of lines) {
    const [, counts = '', action = ''] = /^\s*\d+:((?:\s+\d+)+)\s(.*)$/.exec(line) ?? [];
    if (!cards.some((name) => isNamed(action, name))) continue;
    counts
      .trim()
      .split(/\s+/)
      .slice(0, cpus.length)
      .forEach((count, index) => {
        served[index]! += Number(count);
      });
  }
  const most = Math.max(0, ...served);
  return most === 0 ? undefined : cpus[served.indexOf(most)];
}

/** The CPUs of a mask but for one; undefined where none would be left, or the one is not among them. */
export function without(mask: Uint8Array, cpu: number): Uint8Array | undefined {
  const bit = 1 << (cpu & 7);
  if (!((mask[cpu >> 3] ?? 0) & bit)) return undefined;
  const rest = mask.slice();
  rest[cpu >> 3]! &= ~bit;
  return rest.some((byte) => byte !== 0) ? rest : undefined;
}

/** The CPUs of a mask by number. */
export function cpusOf(mask: Uint8Array): number[] {
  return Array.from({ length: mask.length * 8 }, (_, cpu) => cpu).filter((cpu) => mask[cpu >> 3]! & (1 << (cpu & 7)));
}

/** `eth1` is neither `eth10` nor `veth1`; drivers put queues behind a name with a dash, a dot or `@`. */
function isNamed(action: string, name: string): boolean {
  for (let at = action.indexOf(name); at >= 0; at = action.indexOf(name, at + 1)) {
    if (!/[\w]/.test(action[at - 1] ?? '') && !/[\w]/.test(action[at + name.length] ?? '')) return true;
  }
  return false;
}
