/** What was seen, for the line that is printed. */
export type Seen = Record<string, unknown>;

/** One thing that is tried with a kernel. `run` answers what was seen, and throws where the agent would be wrong about it. */
export interface Check {
  name: string;
  /** It sets what holds for the whole machine, or needs what not every kernel is built with, so that it runs in a guest only. */
  needsGuest?: boolean;
  run(): Promise<Seen>;
}

/** Checks that have something in common, which is closed after the last of them. */
export interface CheckGroup {
  checks: Check[];
  close(): Promise<void>;
}

/**
 * A group whose checks use one stage, made by the first of them; where a check fails, the next gets another. Where a program plays the
 * processor, making one takes as long as many checks.
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
