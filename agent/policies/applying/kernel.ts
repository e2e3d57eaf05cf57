import type { PolicyTable } from '../policy-table.ts';
import type { FoundTable } from '../read-ruleset.ts';

/** What a policy changes in the kernel. `kernel-hands.ts` has the real one. */
export interface PolicyKernel {
  /** Timeouts and switches, by file name. */
  settings(): Readonly<Record<string, number>>;
  /** Throws what the kernel says, with the setting's name. */
  set(setting: string, value: number): void;
  /** Our table as it is now; undefined if it is not there. Throws FleetError where nft cannot be asked. */
  table(): Promise<FoundTable | undefined>;
  /**
   * Replaces our table, in one transaction; undefined removes it. `keeping`: sets and timeouts of the one before stay without a rule that
   * refers to them, so that it can be put back.
   */
  replaceTable(to: PolicyTable | undefined, options?: { keeping?: boolean }): Promise<void>;
  /** Removes sets and timeouts that such a replacement has left; where one is still held, it stays. */
  tidyTable(to: PolicyTable | undefined): Promise<void>;
}
