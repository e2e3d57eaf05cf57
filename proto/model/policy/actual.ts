import type { PolicyRule } from './document.ts';

/** What one gateway is set to, as its agent last read it. */
export interface ActualPolicy {
  /** Whole numbers below /proc/sys/net/netfilter, by file name. A name that is absent is a setting that this kernel does not have. */
  settings: Readonly<Record<string, number>>;
  /** Why a setting cannot be changed here, by file name; the reason ends the sentence “… cannot be set here: ”. */
  unsettable: Readonly<Record<string, string>>;
  /** Helpers that this kernel has or can load. */
  helpers: readonly ActualHelper[];
  /** Our own table; absent if it is not there. */
  table?: OwnTable;
  /** Why no rule, helper, limit or idle timeout can be set here at all: for example, that nft is missing. */
  noTable?: string;
}

export interface ActualHelper {
  name: string;
  isLoaded: boolean;
}

/** What our table in the kernel says, read back. */
export interface OwnTable {
  rules: PolicyRule[];
  /** Assigned to their usual ports. */
  helpers: string[];
  /** What is in the table and not by us, or not as we made it; each names the place. */
  strange: string[];
}
