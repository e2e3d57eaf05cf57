/**
 * Ends this process immediately. process.exit waits for pending DNS look-ups, ten seconds and more with a dead resolver; a signal does not.
 * Supervisors treat SIGTERM as a clean exit.
 */
export function endNow(code: 0 | 1): never {
  if (process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap')) {
    const signal = code === 0 ? 'SIGTERM' : 'SIGKILL';
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  // Reached without a pending look-up, and as process 1 of a container, which its own signals do not end.
  return process.exit(code);
}
