/** Next calls this once, before the first request is served. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return;
  const [{ markRequests }, { endInTime }] = await Promise.all([import('./lib/peers.ts'), import('./lib/ending.ts')]);
  markRequests();
  endInTime();
}
