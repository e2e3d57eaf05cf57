import type { SeededBug } from './bugs.ts';

const COMMANDS = 'agent/operations/commands.ts';
const RECORD_LOG = 'agent/disk/record-log.ts';
const RUN_PLAN = 'agent/operations/run-plan.ts';

/** Bugs of the agent; they show in scenarios of one gateway whose table, disk and clock are in the harness's hands. */
export const AGENT_BUGS: readonly SeededBug[] = [
  {
    name: 'receipt-before-journal', breaks: 'I1', scenario: 'power-cut-at-receipt',
    patches: [{
      file: COMMANDS, find: `    const { planId, way, undoOf } = whatToJournal(command);\n    try {`,
      replace: `    const { planId, way, undoOf } = whatToJournal(command);\n    report.progress({ commandId: command.id, phase: Progress_Phase.PHASE_RECEIVED, done: 0, total: 0 });\n    try {`,
    }],
  },
  {
    name: 'result-not-said-again', breaks: 'I1', scenario: 'result-lost-with-session',
    patches: [{ file: COMMANDS, find: `if (state === 'finished') this.#repeatResult(id);`, replace: `if (state === 'started') this.#repeatResult(id);` }],
  },
  {
    name: 'started-after-delete', breaks: 'I2', scenario: 'killed-after-delete',
    patches: [
      { file: COMMANDS, find: `        if (!isRepeated) journal.append({ kind: 'started', id, atMs: startedAtMs, tableBefore });\n      });`, replace: `      });\n      if (!isRepeated) journal.append({ kind: 'started', id, atMs: startedAtMs, tableBefore });` },
    ],
  },
  { name: 'journal-without-fsync', breaks: 'I2', scenario: 'power-cut-after-result', patches: [{ file: RECORD_LOG, find: `      files.fsyncSync(this.#fd!);\n    } catch`, replace: `    } catch` }] },
  {
    name: 'result-said-before-journal', breaks: 'I9', scenario: 'power-cut-at-result',
    patches: [{ file: COMMANDS, find: `    const result = this.#resultOf(id, part);\n    try {\n`, replace: `    const result = this.#resultOf(id, part);\n    report.result(result);\n    try {\n` }],
  },
  { name: 'torn-tail-left', breaks: 'I2', scenario: 'torn-journal', patches: [{ file: RECORD_LOG, find: `    this.#takeBack();\n    syncFolderOf`, replace: `    syncFolderOf` }] },
  {
    name: 'known-id-runs-anew', breaks: 'I2', scenario: 'delivered-twice',
    patches: [
      { file: COMMANDS, find: `if (journal.commands.has(command.id) || journal.acknowledged.has(command.id)) return { kind: 'known' };`, replace: '' },
      { file: COMMANDS, find: `command.seq <= journal.lastSeq`, replace: `command.seq < journal.lastSeq` },
    ],
  },
  {
    name: 'unwritable-journal-ignored', breaks: 'I2', scenario: 'disk-full',
    patches: [
      { file: RECORD_LOG, find: `      quietly(() => this.#mendNow());\n      throw error;\n    }\n    this.#length`, replace: `      quietly(() => this.#mendNow());\n      return;\n    }\n    this.#length` },
    ],
  },
  { name: 'undo-runs-twice', breaks: 'I2', scenario: 'undone-twice', patches: [{ file: 'agent/operations/undo-store.ts', find: `if (held.undoneBy !== undefined && !isRepeated) throw`, replace: `if (held.planId === '') throw` }] },
  { name: 'lower-number-accepted', breaks: 'I3', scenario: 'reordered', patches: [{ file: COMMANDS, find: `command.seq <= journal.lastSeq`, replace: `command.seq === journal.lastSeq` }] },
  {
    name: 'deadline-not-looked-at-on-arrival', breaks: 'I4', scenario: 'arrives-late',
    patches: [
      { file: COMMANDS, find: `  if (controllerNowMs > Number(command.notAfterMs)) return {`, replace: `  if (controllerNowMs < 0) return {` },
      { file: COMMANDS, find: `      if (controllerNow() > Number(command.notAfterMs)) {`, replace: `      if (controllerNow() < 0) {` },
    ],
  },
  { name: 'deadline-forgotten-while-waiting', breaks: 'I4', scenario: 'waits-too-long', patches: [{ file: COMMANDS, find: `      if (controllerNow() > Number(command.notAfterMs)) {`, replace: `      if (controllerNow() < 0) {` }] },
  { name: 'protections-not-looked-at', breaks: 'I7', scenario: 'plan-names-protected', patches: [{ file: RUN_PLAN, find: `protectionOf(flow, protections, nowMs) === undefined`, replace: `protectionOf(flow, [], nowMs + protections.length) === undefined` }] },
  { name: 'guard-file-protects-nothing', breaks: 'I7', scenario: 'plan-names-protected', patches: [{ file: 'agent/operations/local-guard.ts', find: `    return this.#rules().protections;`, replace: `    return this.#rules().protections.slice(0, 0);` }] },
  { name: 'lost-count-of-what-was-done', breaks: 'I9', scenario: 'killed-after-delete', patches: [{ file: RUN_PLAN, find: `outcome === Outcome.OUTCOME_GONE && isRepeated ?`, replace: `outcome === Outcome.OUTCOME_CANCELLED && isRepeated ?` }] },
  { name: 'epoch-not-looked-at', breaks: 'I10', scenario: 'older-session', patches: [{ file: COMMANDS, find: `if (command.epoch < journal.lastEpoch) return`, replace: `if (command.epoch < 0n) return` }] },
  { name: 'digest-not-compared', breaks: 'I11', scenario: 'plan-replaced', patches: [{ file: COMMANDS, find: `if (digest && !plan.digest.equals(digest)) throw`, replace: `if (digest && plan.digest.length === 0) throw` }] },
  {
    name: 'id-not-compared', breaks: 'I11', scenario: 'born-again',
    patches: [{ file: 'agent/conntrack/memory-table.ts', find: `const isTheSame = flow?.id === key.id && (key.startedAtMs === undefined || flow.startedAtMs === key.startedAtMs);`, replace: `const isTheSame = flow !== undefined;` }],
  },
  { name: 'stop-ignored', breaks: 'I11', scenario: 'stopped-while-waiting', patches: [{ file: COMMANDS, find: `    return this.#deps.journal.state.stopped.has(id);`, replace: `    return this.#deps.journal.state.stopped.has(\`\${id} \`);` }] },
  { name: 'way-forgotten-in-a-crash', breaks: 'I11', scenario: 'expiry-interrupted', patches: [{ file: COMMANDS, find: `{ method: Method.METHOD_DELETE, ...way }`, replace: `{ ...way, method: Method.METHOD_DELETE }` }] },
];
