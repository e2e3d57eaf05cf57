/** How many times the usual time to wait: more than 1 under emulation. */
export const PATIENCE = Number(process.env.CTFLEET_PATIENCE ?? 1);

/** Asks repeatedly until there is an answer; the last refusal is in the error. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, timeoutMs = 60_000 * PATIENCE): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${timeoutMs / 1000} s: ${what}${last ? ` (${(last as Error).message})` : ''}`);
}
