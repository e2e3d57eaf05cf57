/** What was seen, for the line that is printed. */
export type Seen = Record<string, unknown>;

/** One thing that is tried with a kernel. `run` returns what was seen, and throws if the agent would be wrong about it. */
export interface Check {
  name: string;
  /** It sets something for the whole machine, or needs an optional kernel feature, so it runs only in a guest. */
  needsGuest?: boolean;
  /** Which boot of the guest it belongs to; its disk stays, and the third is under systemd. Absent: the first. */
  boot?: number;
  run(): Promise<Seen>;
}

/** Checks that share something, which is closed after the last of them. */
export interface CheckGroup {
  checks: Check[];
  close(): Promise<void>;
}

/**
 * A group whose checks share one stage, made by the first of them; after a failed check the next one gets a new stage. Under emulation,
 * making one takes as long as many checks.
 */
export function sharing<Stage>(
  open: () => Promise<Stage>,
  end: (stage: Stage) => Promise<void>,
  checks: Record<string, (stage: Stage) => Promise<Seen>>,
): CheckGroup {
  let stage: Stage | undefined;
  const close = async (): Promise<void> => {
    const old = stage;
    stage = undefined;
    if (old !== undefined) await end(old);
  };
  const run = async (check: (stage: Stage) => Promise<Seen>): Promise<Seen> => {
    stage ??= await open();
    try {
      return await check(stage);
    } catch (error) {
      await close();
      throw error;
    }
  };
  return { checks: Object.entries(checks).map(([name, check]) => ({ name, run: () => run(check) })), close };
}
