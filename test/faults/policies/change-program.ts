// Changes the policy of the network namespace that it is started in, as it is told line by line on its standard input; ends itself with
// SIGKILL wherever it is asked to. node change-program.ts STATE_FOLDER; `Told` is what it understands.
import { createInterface } from 'node:readline';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import { Disk } from '../../../agent/disk/disk.ts';
import { ChangeFolder } from '../../../agent/policies/applying/change-folder.ts';
import type { ChangeRecord } from '../../../agent/policies/applying/change-record.ts';
import { tableOf } from '../../../agent/policies/applying/change-set.ts';
import { deadManOf } from '../../../agent/policies/applying/dead-man.ts';
import { endUnmet, type EndedUnmet } from '../../../agent/policies/applying/end-unmet.ts';
import type { PolicyKernel } from '../../../agent/policies/applying/kernel.ts';
import { kernelHandsOf } from '../../../agent/policies/applying/kernel-hands.ts';
import { PolicyChanges } from '../../../agent/policies/applying/policy-changes.ts';
import { networkNamespace } from '../../../agent/policies/network-namespace.ts';
import { ownIdentity } from '../../../agent/policies/applying/process-identity.ts';
import { readActual } from '../../../agent/policies/reading/read-actual.ts';
import { readSettings } from '../../../agent/policies/reading/settings.ts';
import { bootClock } from '../../../agent/time/boot-clock.ts';
import type { PolicyDocument, PolicySpec } from '../../../proto/model/policy/document.ts';
import { settingOf, timeoutEntries } from '../../../proto/model/policy/settings.ts';
import { FailingFiles } from '../../support/failing-files.ts';
import type { DiskFault } from './arbitrary-trial.ts';

/** What it is told, each as one line of JSON. It answers each with one line. */
export type Told =
  /** Makes the gateway what it is before the change. */
  | { do: 'before'; spec: PolicySpec }
  /** `killAt`: the number of the step before which it dies; `fault`: of the disk under the record. */
  | { do: 'apply'; document: PolicyDocument; withinMs: number; killAt?: number; fault?: DiskFault }
  | { do: 'confirm' | 'restore' | 'settle' };

/** `steps`: of an application, at each of which it might have died. */
export interface Answered {
  ok: boolean;
  why?: string;
  deadlineBootMs?: number;
  steps?: number;
}

const [, , stateDir = ''] = process.argv;
let steps = 0;
let killAt = Infinity;
/** Before and after whatever is done to disk, dead-man and kernel. */
const step = (): void => {
  if (steps++ === killAt) process.kill(process.pid, 'SIGKILL');
};
const around =
  <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
  async (...args: A): Promise<R> => {
    step();
    const done = await work(...args);
    step();
    return done;
  };
const hands = kernelHandsOf();
const kernel: PolicyKernel = {
  ...hands,
  set: (setting, value) => {
    step();
    hands.set(setting, value);
  },
  table: around(() => hands.table()),
  replaceTable: around((to, options) => hands.replaceTable(to, options)),
};

/** A new one each time, as if another process had been started. */
function changes(fault?: DiskFault): PolicyChanges {
  const { files } = new FailingFiles(fault);
  const { openSync, renameSync } = files;
  const stepping = {
    ...files,
    openSync: ((...args: Parameters<typeof openSync>) => (step(), openSync(...args))) as typeof openSync,
    renameSync: ((...args: Parameters<typeof renameSync>) => (step(), renameSync(...args))) as typeof renameSync,
  };
  const dead = deadManOf(stateDir, bootClock);
  return new PolicyChanges({
    folder: new ChangeFolder(stateDir, new Disk({ files: stepping })),
    kernel,
    policies: { read: async () => readActual() },
    deadMan: { start: around((record) => dead.start(record)) },
    clock: bootClock,
    now: Date.now,
    spared: async () => [{ proto: 'tcp', dst: ['127.0.0.1', '::1'], dport: [{ from: 22, to: 22 }] }],
    process: ownIdentity,
    namespace: networkNamespace,
    endUnmet: ending,
  });
}

async function ending(record: ChangeRecord): Promise<EndedUnmet> {
  const table = new KernelTable();
  try {
    const context = () => ({ wans: [], protections: [] });
    return await endUnmet(record, { table, context, own: () => ['127.0.0.1', '::1'], allow: () => undefined });
  } finally {
    await table.close();
  }
}

async function carryOut(told: Told): Promise<Omit<Answered, 'ok'>> {
  switch (told.do) {
    case 'before': {
      const { timeouts, rules, helpers = [] } = told.spec;
      const there = readSettings().settings;
      for (const [key, seconds] of timeoutEntries(timeouts)) if (there[settingOf(key)] !== undefined) hands.set(settingOf(key), seconds);
      await hands.replaceTable(tableOf({ settings: {}, rules, helpers, timeouts }, []));
      return {};
    }
    case 'apply': {
      const changing = changes(told.fault);
      killAt = steps + (told.killAt ?? Infinity);
      const began = steps;
      const { record } = await changing.apply(told.document, told.withinMs);
      killAt = Infinity;
      return { deadlineBootMs: record.deadlineBootMs, steps: steps - began };
    }
    case 'confirm':
      await changes().confirm({ openedAtBootMs: bootClock.bootMs() });
      return {};
    case 'restore':
      await changes().restore('It was put back by hand.');
      return {};
    case 'settle':
      await changes().settle('The agent has started before it was confirmed.');
      return {};
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await carryOut(JSON.parse(line) as Told).then(
    (done): Answered => ({ ok: true, ...done }),
    (error: Error): Answered => ({ ok: false, why: error.message }),
  );
  killAt = Infinity;
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
