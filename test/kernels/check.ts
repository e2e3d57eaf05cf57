/** One thing that is tried with a kernel. `run` answers what was seen, and throws where the agent would be wrong about it. */
export interface Check {
  name: string;
  /** It sets what holds for the whole machine, so that it runs in a guest only. */
  needsGuest?: boolean;
  run(): Promise<Record<string, unknown>>;
}
