// node watchdog.js STATE_FOLDER ID [- [now]]: puts a gateway back whose change is not confirmed in time. Started by systemd, or by
// wait-script.ts with the record of the change on its standard input; “now”: whether or not its time is over.
import { readFileSync } from 'node:fs';
import { Disk } from '../../disk/disk.ts';
import { bootClock } from '../../time/boot-clock.ts';
import { ChangeFolder } from './change-folder.ts';
import { parseRecord, type ChangeRecord } from './change-record.ts';
import { FROM_INPUT, raisePriority } from './dead-man.ts';
import { kernelHandsOf } from './kernel-hands.ts';
import { killProcess } from './process-identity.ts';
import { watchOver } from './watch-over.ts';

raisePriority();
const [, , stateDir = '', id = '', from, now] = process.argv;
const folder = new ChangeFolder(stateDir, new Disk());
const record = from === FROM_INPUT ? parseRecord<ChangeRecord>(readFileSync(0)) : folder.pending()?.record;
if (record?.id === id) {
  let isHurried = now === 'now';
  process.on('SIGTERM', () => {
    isHurried = true;
  });
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  await watchOver(record, {
    folder,
    kernel: kernelHandsOf(),
    clock: bootClock,
    now: Date.now,
    killChanger: () => killProcess(record.process),
    isHurried: () => isHurried,
  });
}
