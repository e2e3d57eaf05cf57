/**
 * Ends this process now. process.exit waits for look-ups of names that are under way, ten seconds and more where the resolver is dead; a
 * signal
 * does not. SIGTERM is what supervisors take for an end in order.
 */
export function endNow(code: 0 | 1): never {
  if (process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap')) {
    const signal = code === 0 ? 'SIGTERM' : 'SIGKILL';
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  // Without a look-up, and as process 1 of a container, which no signal of its own ends.
  return process.exit(code);
}
