import type { SeededBug } from './bugs.ts';

const FLUSHES = 'build/controller/flushes/flushes.service.js';
const COMMANDS = 'build/controller/flushes/commands.repository.js';
const RESULTS = 'build/controller/flushes/results.service.js';
const HOLDERS = 'build/controller/link/holders.js';
const FLUSHES_LINK = 'build/controller/flushes/flushes.link.js';
const HISTORY_LINK = 'build/controller/history/history.link.js';

/** Bugs of the controller; they show in a whole system with one controller, whose built files are changed as they are loaded. */
export const CONTROLLER_BUGS: readonly SeededBug[] = [
  {
    name: 'decision-recorded-afterwards',
    breaks: 'I5',
    scenario: 'one-flush',
    patches: [
      {
        file: FLUSHES,
        find: `            this.recordStart(t, caller, plan, flushId, tenantIds, Math.max(...waves));\n`,
        replace: `            setTimeout(() => void this.database.transact(scope, async (later) => this.recordStart(later, caller, plan, flushId, tenantIds, Math.max(...waves))).catch(() => undefined), 1500);\n`,
      },
    ],
  },
  {
    name: 'command-wakes-nobody',
    breaks: 'I1',
    scenario: 'one-flush',
    patches: [{ file: COMMANDS, find: `        await t.outbox.createMany(`, replace: `        void (` }],
  },
  {
    name: 'queue-forgets-and-nobody-looks',
    breaks: 'I1',
    scenario: 'one-flush',
    patches: [
      {
        file: 'build/controller/flushes/relay.service.js',
        find: `await this.queues.add(DELIVERIES, 'deliver', { gatewayIds }, id);`,
        replace: `void [gatewayIds, id];`,
      },
      { file: 'build/controller/flushes/relay.service.js', find: `const STALE_MS = 30_000;`, replace: `const STALE_MS = 30_000_000;` },
    ],
  },
  {
    name: 'receipt-before-result-is-stored',
    breaks: 'I1',
    scenario: 'killed-while-storing-a-result',
    patches: [
      {
        file: FLUSHES_LINK,
        find: `                    if (await this.results.take(session.identity, result))\n                        session.send({ $case: 'resultReceipt', value: { commandId: result.commandId } });\n`,
        replace: `                    session.send({ $case: 'resultReceipt', value: { commandId: result.commandId } });\n                    await this.results.take(session.identity, result);\n`,
      },
    ],
  },
  {
    name: 'newest-command-first',
    breaks: 'I3',
    scenario: 'three-wait-for-a-gateway',
    patches: [
      {
        file: COMMANDS,
        find: `notAfter: { gt: now } }] }, orderBy: { seq: 'asc' }`,
        replace: `notAfter: { gt: now } }] }, orderBy: { seq: 'desc' }`,
      },
    ],
  },
  {
    name: 'restored-and-counts-behind',
    breaks: 'I3',
    scenario: 'backup-restored',
    patches: [{ file: FLUSHES_LINK, find: `if (seen.seq > known.seq || seen.epoch > known.epoch)`, replace: `if (seen.seq < 0n)` }],
  },
  {
    name: 'tenant-scope-dropped',
    breaks: 'I6',
    scenario: 'one-flush',
    patches: [
      {
        file: 'build/controller/audit/audit.repository.js',
        find: `return this.database.transact(scope, async (t) => withNames(t, await t.auditEntry.findMany({\n            where: {\n                id: query.before`,
        replace: `return this.database.transact('all', async (t) => withNames(t, await t.auditEntry.findMany({\n            where: {\n                id: query.before`,
      },
    ],
  },
  {
    name: 'end-recorded-without-its-count',
    breaks: 'I9',
    scenario: 'one-flush',
    patches: [{ file: 'build/controller/plans/outcomes.js', find: `totals[word] += own;`, replace: `totals[word] += Math.min(own, 4);` }],
  },
  {
    name: 'any-digest-will-do',
    breaks: 'I11',
    scenario: 'another-digest',
    patches: [{ file: FLUSHES, find: `if (plan.digest !== digest)`, replace: `if (plan.digest === '')` }],
  },
  {
    name: 'second-person-forgotten',
    breaks: 'I11',
    scenario: 'second-person-missing',
    patches: [{ file: FLUSHES, find: `if (approval?.digest === digest ||`, replace: `if (true ||` }],
  },
  {
    name: 'waves-do-not-wait',
    breaks: 'I11',
    scenario: 'flush-in-waves',
    patches: [
      { file: 'build/controller/flushes/next-wave.js', find: `if (done.length < begun.length)`, replace: `if (begun.length === 0)` },
    ],
  },
  {
    name: 'cancel-leaves-commands',
    breaks: 'I11',
    scenario: 'cancelled-while-away',
    patches: [
      { file: COMMANDS, find: `data: { state: 'cancelled', finishedAt: now }, select`, replace: `data: { createdAt: now }, select` },
    ],
  },
  {
    name: 'takeovers-unseen',
    breaks: 'I10',
    scenario: 'gateway-cloned',
    patches: [
      { file: HOLDERS, find: `held.superseded.includes(instanceId)`, replace: `held.superseded.includes('')` },
      { file: HOLDERS, find: `if (takeovers > MAX_TAKEOVERS)`, replace: `if (takeovers < 0)` },
    ],
  },
  {
    name: 'parts-kept-without-bound',
    breaks: 'I13',
    scenario: 'report-without-end',
    patches: [
      {
        file: RESULTS,
        find: `            if (!command)\n                this.intake.noteUseless(sender, this.clock());`,
        replace: `            if (!command)\n                this.parts.begin(gatewayId, result.commandId, Infinity);`,
      },
      {
        file: 'build/controller/flushes/result-parts.js',
        find: `collection.chunks.push(chunk);`,
        replace: `collection.chunks.push(kept);`,
      },
    ],
  },
  {
    name: 'gap-filled',
    breaks: 'I12',
    scenario: 'gateways-come-back',
    patches: [
      {
        file: HISTORY_LINK,
        find: `toSampleRow(sample, nowMs) ?? []);`,
        replace: `toSampleRow(sample, nowMs) ?? []).flatMap((row) => [row, { ...row, at: new Date(Date.parse(row.at) - 3_600_000).toISOString() }]);`,
      },
    ],
  },
  {
    name: 'command-for-another-replica-dropped',
    breaks: 'I1',
    scenario: 'flush-through-another',
    patches: [
      {
        file: 'build/controller/flushes/delivery.service.js',
        find: `return this.notifications.send(t, COMMANDS_WAITING, gatewayId);`,
        replace: `return;`,
      },
    ],
  },
  {
    name: 'dead-replica-shown-online',
    breaks: 'I14',
    scenario: 'another-dies',
    patches: [
      {
        file: 'build/controller/peers/replicas.service.js',
        find: `if (others.some(({ isAlive }) => !isAlive) && this.steadiness.isSteady())`,
        replace: `if (others.length < 0)`,
      },
    ],
  },
  // Last, because a broken chain stays broken.
  {
    name: 'hash-leaves-out-the-detail',
    breaks: 'I9',
    scenario: 'one-flush',
    patches: [
      {
        file: 'build/controller/audit/chain.js',
        find: `canonicalize(entry) ?? ''`,
        replace: `canonicalize({ ...entry, detail: undefined }) ?? ''`,
      },
    ],
  },
];

/** Those of the short run. */
export const QUICK_BUGS: ReadonlySet<string> = new Set([
  'decision-recorded-afterwards',
  'tenant-scope-dropped',
  'hash-leaves-out-the-detail',
]);
