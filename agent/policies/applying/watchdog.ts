// node watchdog.js STATE_FOLDER ID: puts a gateway back whose change is not confirmed in time. Started by dead-man.ts, in a session of its
// own or by systemd; says “armed” once nothing but the kernel and nft is needed any more.
import { constants, setPriority } from 'node:os';
import { Disk } from '../../disk/disk.ts';
import { bootClock } from '../../time/boot-clock.ts';
import { ChangeFolder } from './change-folder.ts';
import { kernelHands } from './kernel-hands.ts';
import { killProcess } from './process-identity.ts';
import { watchOver } from './watch-over.ts';

raisePriority();
const [, , stateDir = '', id = ''] = process.argv;
const folder = new ChangeFolder(stateDir, new Disk());
const pending = folder.pending();
if (pending?.record.id === id) {
  let isHurried = false;
  process.on('SIGTERM', () => {
    isHurried = true;
  });
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  // Whoever started it may be gone already.
  process.stdout.on('error', () => undefined).write('armed\n');
  const { record } = pending;
  await watchOver(record, {
    folder,
    kernel: kernelHands,
    clock: bootClock,
    now: Date.now,
    killChanger: () => killProcess(record.process),
    isHurried: () => isHurried,
  });
}

/** A gateway that has much to do may have it because of what is to be put back; nft, which this starts, inherits it. */
function raisePriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
  } catch {
    // In a container without CAP_SYS_NICE it is one of many.
  }
}
