import type { SeededBug } from './bugs.ts';

const COMMANDS = 'agent/operations/commands.ts';
const CONTROLLER_CLOCK = 'agent/time/controller-clock.ts';
const FILES = 'agent/disk/files.ts';
const LATELY = 'agent/operations/lately.ts';
const RECORD_LOG = 'agent/disk/record-log.ts';
const RUN_PLAN = 'agent/operations/run-plan.ts';

/** Bugs of the agent; they show in scenarios of one gateway whose table, disk and clock are in the harness's hands. */
export const AGENT_BUGS: readonly SeededBug[] = [
  {
    name: 'receipt-before-journal',
    breaks: 'I1',
    scenario: 'power-cut-at-receipt',
    patches: [
      {
        file: COMMANDS,
        find: `    const { planId, ending, undoOf, isPolicy } = whatToJournal(command);\n    try {`,
        replace: `    const { planId, ending, undoOf, isPolicy } = whatToJournal(command);\n    report.progress({ commandId: command.id, phase: Progress_Phase.PHASE_RECEIVED, done: 0, total: 0 });\n    try {`,
      },
    ],
  },
  {
    name: 'result-not-said-again',
    breaks: 'I1',
    scenario: 'result-lost-with-session',
    patches: [
      {
        file: COMMANDS,
        find: `if (state === 'finished') this.#repeatResult(id);`,
        replace: `if (state === 'started') this.#repeatResult(id);`,
      },
    ],
  },
  {
    name: 'started-after-delete',
    breaks: 'I2',
    scenario: 'killed-after-delete',
    patches: [
      {
        file: COMMANDS,
        find: `        if (!isRepeated) journal.append({ kind: 'started', id, atMs: startedAtMs, tableBefore });\n      });`,
        replace: `      });\n      if (!isRepeated) journal.append({ kind: 'started', id, atMs: startedAtMs, tableBefore });`,
      },
    ],
  },
  {
    name: 'journal-without-fsync',
    breaks: 'I2',
    scenario: 'power-cut-after-result',
    patches: [{ file: RECORD_LOG, find: `      files.fsyncSync(this.#fd!);\n    } catch`, replace: `    } catch` }],
  },
  {
    name: 'result-said-before-journal',
    breaks: 'I9',
    scenario: 'power-cut-at-result',
    patches: [
      {
        file: COMMANDS,
        find: `    const result = this.#resultOf(id, part);\n    try {\n`,
        replace: `    const result = this.#resultOf(id, part);\n    report.result(result);\n    try {\n`,
      },
    ],
  },
  {
    name: 'torn-tail-left',
    breaks: 'I1',
    scenario: 'torn-journal',
    patches: [{ file: RECORD_LOG, find: `    this.#takeBack();\n    syncFolderOf`, replace: `    syncFolderOf` }],
  },
  {
    name: 'known-id-runs-anew',
    breaks: 'I2',
    scenario: 'delivered-twice',
    patches: [
      {
        file: COMMANDS,
        find: `if (journal.commands.has(command.id) || journal.acknowledged.has(command.id)) return { kind: 'known' };`,
        replace: '',
      },
      { file: COMMANDS, find: `command.seq <= journal.lastSeq`, replace: `command.seq < journal.lastSeq` },
    ],
  },
  {
    name: 'unwritable-journal-ignored',
    breaks: 'I1',
    scenario: 'disk-full',
    patches: [
      {
        file: RECORD_LOG,
        find: `      quietly(() => this.#mendNow());\n      throw error;\n    }\n    this.#length`,
        replace: `      quietly(() => this.#mendNow());\n      return;\n    }\n    this.#length`,
      },
    ],
  },
  {
    name: 'unchecked-short-write',
    breaks: 'I1',
    scenario: 'short-writes',
    patches: [
      { file: FILES, find: `for (let written = 0; written < bytes.length;) {`, replace: `for (let written = 0; written === 0;) {` },
    ],
  },
  {
    name: 'half-a-record-left',
    breaks: 'I1',
    scenario: 'disk-full-in-a-record',
    patches: [
      {
        file: RECORD_LOG,
        find: `      this.#mend = () => this.#takeBack();\n      this.#isInDoubt = true;\n      quietly(() => this.#mendNow());\n`,
        replace: '',
      },
    ],
  },
  {
    name: 'failed-fsync-taken-for-written',
    breaks: 'I2',
    scenario: 'fsync-fails',
    patches: [
      {
        file: RECORD_LOG,
        find: `      files.fsyncSync(this.#fd!);\n    } catch`,
        replace: `      quietly(() => files.fsyncSync(this.#fd!));\n    } catch`,
      },
      {
        file: 'agent/disk/disk.ts',
        find: `        files.fsyncSync(fd);\n        close();`,
        replace: `        quietly(() => files.fsyncSync(fd));\n        close();`,
      },
      { file: FILES, find: `    files.fsyncSync(fd);\n  } finally`, replace: `    quietly(() => files.fsyncSync(fd));\n  } finally` },
    ],
  },
  {
    name: 'damage-taken-for-a-torn-tail',
    breaks: 'I2',
    scenario: 'damaged-in-the-middle',
    patches: [
      {
        file: RECORD_LOG,
        find: `      if (text === undefined) damaged.push(line);\n      else records.push(parse(text));`,
        replace: `      if (text === undefined) break;\n      records.push(parse(text));`,
      },
    ],
  },
  {
    name: 'undo-runs-twice',
    breaks: 'I2',
    scenario: 'undone-twice',
    patches: [
      {
        file: 'agent/operations/undo-store.ts',
        find: `if (held.undoneBy !== undefined && !isRepeated) throw`,
        replace: `if (held.planId === '') throw`,
      },
    ],
  },
  {
    name: 'lower-number-accepted',
    breaks: 'I3',
    scenario: 'reordered',
    patches: [{ file: COMMANDS, find: `command.seq <= journal.lastSeq`, replace: `command.seq === journal.lastSeq` }],
  },
  {
    name: 'deadline-not-looked-at-on-arrival',
    breaks: 'I4',
    scenario: 'arrives-late',
    patches: [
      {
        file: COMMANDS,
        find: `  if (controllerNowMs > Number(command.notAfterMs)) return {`,
        replace: `  if (controllerNowMs < 0) return {`,
      },
      {
        file: COMMANDS,
        find: `      if (controllerClock.latest() > Number(command.notAfterMs)) {`,
        replace: `      if (controllerClock.latest() < 0) {`,
      },
    ],
  },
  {
    name: 'deadline-forgotten-while-waiting',
    breaks: 'I4',
    scenario: 'waits-too-long',
    patches: [
      {
        file: COMMANDS,
        find: `      if (controllerClock.latest() > Number(command.notAfterMs)) {`,
        replace: `      if (controllerClock.latest() < 0) {`,
      },
    ],
  },
  {
    name: 'wall-clock-used-for-deadlines',
    breaks: 'I4',
    scenario: 'gateway-clock-set-back',
    patches: [
      {
        file: 'agent/time/clock.ts',
        find: `  return () => Math.round(beganMs + passed());`,
        replace: `  return () => Math.round(wall() + beganMs * 0);`,
      },
    ],
  },
  {
    name: 'clock-offset-measured-once',
    breaks: 'I4',
    scenario: 'controller-clock-set-on',
    patches: [
      { file: CONTROLLER_CLOCK, find: `    else this.#newest.offsetMs = Math.max(this.#newest.offsetMs, offsetMs);\n`, replace: '' },
    ],
  },
  {
    name: 'clock-set-back-unheard',
    breaks: 'I1',
    scenario: 'controller-clock-set-back',
    patches: [
      {
        file: CONTROLLER_CLOCK,
        find: `    if (known !== undefined && offsetMs < known - MAX_DELAY_MS) return false;\n`,
        replace: `    void [known, MAX_DELAY_MS];\n`,
      },
    ],
  },
  {
    name: 'leap-of-numbers-believed',
    breaks: 'I3',
    scenario: 'number-leaps',
    patches: [{ file: COMMANDS, find: `    if (value > last + MAX_JUMP) return`, replace: `    if (value < 0n) return` }],
  },
  {
    name: 'protections-not-looked-at',
    breaks: 'I7',
    scenario: 'plan-names-protected',
    patches: [
      {
        file: RUN_PLAN,
        find: `protectionOf(flow, protections, nowMs) === undefined`,
        replace: `protectionOf(flow, [], nowMs + protections.length) === undefined`,
      },
    ],
  },
  {
    name: 'guard-file-protects-nothing',
    breaks: 'I7',
    scenario: 'plan-names-protected',
    patches: [
      {
        file: 'agent/operations/local-guard.ts',
        find: `    return this.#rules().protections;`,
        replace: `    return this.#rules().protections.slice(0, 0);`,
      },
    ],
  },
  {
    name: 'lost-count-of-what-was-done',
    breaks: 'I9',
    scenario: 'killed-after-delete',
    patches: [
      {
        file: RUN_PLAN,
        find: `outcome === Outcome.OUTCOME_GONE && isRepeated ?`,
        replace: `outcome === Outcome.OUTCOME_CANCELLED && isRepeated ?`,
      },
    ],
  },
  {
    name: 'epoch-not-looked-at',
    breaks: 'I10',
    scenario: 'older-session',
    patches: [{ file: COMMANDS, find: `if (command.epoch < journal.lastEpoch) return`, replace: `if (command.epoch < 0n) return` }],
  },
  {
    name: 'digest-not-compared',
    breaks: 'I11',
    scenario: 'plan-replaced',
    patches: [
      {
        file: COMMANDS,
        find: `if (asked && !plan.digest.equals(asked.digest)) throw`,
        replace: `if (asked && plan.digest.length === 0) throw`,
      },
    ],
  },
  {
    name: 'id-not-compared',
    breaks: 'I11',
    scenario: 'born-again',
    patches: [
      {
        file: 'agent/conntrack/memory/memory-table.ts',
        find: `const isTheSame = flow?.id === key.id && (key.startedAtMs === undefined || flow.startedAtMs === key.startedAtMs);`,
        replace: `const isTheSame = flow !== undefined;`,
      },
    ],
  },
  {
    name: 'each-plan-has-a-minute-of-its-own',
    breaks: 'I11',
    scenario: 'two-plans-in-a-minute',
    patches: [{ file: LATELY, find: `nowMs - atMs < MINUTE_MS);`, replace: `nowMs - atMs < MINUTE_MS - MINUTE_MS);` }],
  },
  {
    name: 'budget-forgotten-in-a-crash',
    breaks: 'I11',
    scenario: 'killed-between-two-plans',
    patches: [{ file: LATELY, find: `this.#allowed = this.#load().map(`, replace: `this.#allowed = this.#load().slice(0, 0).map(` }],
  },
  {
    name: 'guard-not-asked-by-remediations',
    breaks: 'I11',
    scenario: 'remediation-beyond-the-guard',
    patches: [
      {
        file: 'agent/remediations/run.ts',
        find: `guard.allow({ by: 'remediation', method, ...ask,`,
        replace: `guard.allow({ by: 'undo', method, ...ask,`,
      },
    ],
  },
  {
    name: 'tenant-limits-not-asked-by-remediations',
    breaks: 'I11',
    scenario: 'remediation-without-second-person',
    patches: [
      {
        file: 'agent/remediations/run.ts',
        find: `await allow(hands, ending, askOf(first), { limits: tenantLimits });`,
        replace: `await allow(hands, ending, askOf(first), {});`,
      },
    ],
  },
  {
    name: 'stop-ignored',
    breaks: 'I11',
    scenario: 'stopped-while-waiting',
    patches: [
      {
        file: COMMANDS,
        find: `    return this.#deps.journal.state.stopped.has(id);`,
        replace: `    return this.#deps.journal.state.stopped.has(\`\${id} \`);`,
      },
    ],
  },
  {
    name: 'way-forgotten-in-a-crash',
    breaks: 'I11',
    scenario: 'expiry-interrupted',
    patches: [
      { file: COMMANDS, find: `{ method: Method.METHOD_DELETE, ...ending }`, replace: `{ ...ending, method: Method.METHOD_DELETE }` },
    ],
  },
];
