import koffi from 'koffi';
import { NetlinkError } from './socket.ts';

const CLONE_NEWNET = 0x4000_0000;

// null is the C library already loaded into the process, with glibc and musl alike.
const unshare = koffi.load(null).func('int unshare(int)');

/** Moves the calling thread, and no other, into a new and empty network namespace. Throws NetlinkError (EPERM without CAP_SYS_ADMIN). */
export function leaveNetwork(): void {
  if (unshare(CLONE_NEWNET) !== 0) throw new NetlinkError('cannot create a network namespace', koffi.errno());
}
