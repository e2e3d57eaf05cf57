import type { PolicyKernel } from '../../agent/policies/applying/kernel.ts';
import { leftoversOf } from '../../agent/policies/applying/table-match.ts';
import type { PolicyTable } from '../../agent/policies/policy-table.ts';
import type { FoundTable } from '../../agent/policies/read-ruleset.ts';

const EMPTY: PolicyTable = { timeouts: [], helpers: [], limits: [], chains: [] };
type Deed = 'set' | 'replace' | 'tidy';

/** A kernel in memory. `onDeed` is called before each change, and may throw instead of it. */
export class MemoryPolicyKernel implements PolicyKernel {
  readonly values: Record<string, number>;
  own: PolicyTable | undefined;
  strange: string[] = [];
  onDeed: (deed: Deed, what?: string) => void = () => undefined;

  constructor(values: Record<string, number>, own?: PolicyTable) {
    this.values = { ...values };
    this.own = own;
  }

  settings(): Record<string, number> {
    return { ...this.values };
  }

  set(setting: string, value: number): void {
    this.onDeed('set', setting);
    this.values[setting] = value;
  }

  async table(): Promise<FoundTable | undefined> {
    if (!this.own) return undefined;
    const { chains, limits, timeouts, helpers } = this.own;
    return {
      table: structuredClone(this.own),
      strange: [...this.strange],
      names: {
        chains: chains.map(({ name }) => name),
        sets: limits.map(({ name, family }) => ({ name, family })),
        timeouts: timeouts.map(({ name }) => name),
        helpers: helpers.map(({ name }) => name),
        others: [],
      },
    };
  }

  async replaceTable(to: PolicyTable | undefined, { keeping = false } = {}): Promise<void> {
    this.onDeed('replace');
    const before = this.own;
    this.strange = [];
    if (!keeping || !before) {
      this.own = structuredClone(to);
      return;
    }
    const next = structuredClone(to ?? EMPTY);
    for (const { kind, name } of leftoversOf(before, next)) {
      if (kind === 'set') next.limits.push(before.limits.find((one) => one.name === name)!);
      else next.timeouts.push(before.timeouts.find((one) => one.name === name)!);
    }
    this.own = next;
  }

  async tidyTable(to: PolicyTable | undefined): Promise<void> {
    this.onDeed('tidy');
    if (!this.own || !to) {
      this.own = undefined;
      return;
    }
    const left = new Set(leftoversOf(this.own, to).map(({ name }) => name));
    this.own = {
      ...this.own,
      limits: this.own.limits.filter(({ name }) => !left.has(name)),
      timeouts: this.own.timeouts.filter(({ name }) => !left.has(name)),
    };
  }
}
