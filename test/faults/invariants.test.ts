import { describe, expect, it } from 'vitest';
import { GENESIS, hashEntry } from '../../controller/audit/chain.ts';
import type { Deed, History, OwnDeed } from './history.ts';
import { checkInvariants, INVARIANTS, type InvariantName } from './invariants.ts';

const [A, B] = ['flow a', 'flow b'];
const NONE = { deleted: 0, reappeared: 0, restored: 0, indeterminate: 0 };

/** Two gateways of two tenants; a flush over both in two waves, run, recorded and reported, with nothing wrong. */
function soundHistory(): History {
  const flows = new Map([
    ['g1', new Set([A])],
    ['g2', new Set([B])],
  ]);
  const history: History = {
    gateways: [
      { id: 'g1', tenantId: 't1', protectedFlows: new Set(['kept']) },
      { id: 'g2', tenantId: 't2', protectedFlows: new Set() },
    ],
    asks: [{ planId: 'p', digest: 'd', atMs: 50, answer: 'accepted', flushId: 'f' }],
    plans: [{ id: 'p', digest: 'd', method: 'delete', needsApproval: true, isApproved: true, flows }],
    flushes: [{ id: 'f', planId: 'p', targets: [target('g1', 1, 130), target('g2', 2, 230)] }],
    commands: [command('c1', 'g1', 't1', 1n), command('c2', 'g2', 't2', 1n)],
    deeds: [...run('g1', 'c1', 100, A), ...run('g2', 'c2', 200, B)],
    audit: [],
    faults: [],
    clones: [],
    restores: [],
    deaths: [],
    sightings: [{ gatewayId: 'g1', goneForMs: 3000 }],
    views: [{ what: 'GET /flushes', allowed: new Set(['t1']), shown: ['t1'] }],
    changes: [
      { id: 'policy', gatewayId: 'g1', deadlineMs: 500, undoneAtMs: 500 },
      { id: 'other', gatewayId: 'g1', deadlineMs: 500, confirmedAtMs: 100 },
    ],
    points: [{ gatewayId: 'g1', fromMs: 100, toMs: 200 }],
  };
  record(history, 't1', 'flush.started', 50);
  record(history, 't1', 'flush.target-finished', 140, { commandId: 'c1', state: 'verified' }, 'g1');
  record(history, 't2', 'flush.started', 50);
  record(history, 't2', 'flush.target-finished', 240, { commandId: 'c2', state: 'verified' }, 'g2');
  return history;
}

const target = (gatewayId: string, wave: number, finishedAtMs: number) => ({
  gatewayId,
  wave,
  state: 'verified',
  ...NONE,
  deleted: 1,
  finishedAtMs,
});
const command = (id: string, gatewayId: string, tenantId: string, seq: bigint) => ({
  id,
  gatewayId,
  tenantId,
  flushId: 'f',
  planId: 'p',
  seq,
  state: 'finished',
  createdAtMs: 50,
  notAfterMs: 400,
});

function run(gatewayId: string, commandId: string, atMs: number, flow: string): Deed[] {
  const deeds: OwnDeed[] = [
    { kind: 'began' },
    { kind: 'received', commandId, seq: 1n, epoch: 1n },
    { kind: 'receipt', commandId },
    { kind: 'started', commandId },
    { kind: 'delete', flows: [flow] },
    { kind: 'sampled' },
    { kind: 'finished', commandId, isKnown: true },
    { kind: 'said', commandId, claims: { ...NONE, deleted: 1 } },
    { kind: 'session' },
    { kind: 'said', commandId, claims: { ...NONE, deleted: 1 } },
    { kind: 'acknowledged', commandId },
  ];
  return deeds.map((deed) => ({ ...deed, gatewayId, life: 1, atMs }));
}

function record(
  history: History,
  chain: string,
  action: string,
  atMs: number,
  detail: Record<string, unknown> = {},
  gatewayId?: string,
): void {
  const before = history.audit.findLast((entry) => entry.chain === chain);
  const entry = {
    id: `${chain} ${atMs}`,
    chain,
    seq: (before?.seq ?? 0) + 1,
    at: new Date(atMs).toISOString(),
    actor: { kind: 'user', id: 'u', name: 'U' },
    action,
    outcome: 'ok',
    summary: action,
    flushId: 'f',
    ...(gatewayId !== undefined && { gatewayId }),
    detail,
    previousHash: before?.hash ?? GENESIS,
  };
  history.audit.push({ ...entry, hash: hashEntry(entry) });
}

const deed = (history: History, kind: Deed['kind'], gatewayId = 'g1') =>
  history.deeds.find((one) => one.kind === kind && one.gatewayId === gatewayId)!;
const without = (history: History, ...wrong: Deed[]) => {
  history.deeds = history.deeds.filter((one) => !wrong.includes(one));
};
const add = (history: History, more: OwnDeed, atMs = 150, gatewayId = 'g1') => history.deeds.push({ ...more, gatewayId, life: 1, atMs });

it('a history in which all went well keeps every promise', () => {
  expect(checkInvariants(soundHistory())).toEqual([]);
});

const BROKEN: [InvariantName, string, (history: History) => void][] = [
  [
    'I1',
    'an accepted flush does not exist',
    (h) => {
      h.flushes = [];
    },
  ],
  [
    'I1',
    'a target never had a command',
    (h) => {
      h.commands.pop();
    },
  ],
  [
    'I1',
    'a target is still running',
    (h) => {
      h.flushes[0]!.targets[0]!.state = 'running';
    },
  ],
  [
    'I1',
    'a target expired although nothing was in the way',
    (h) => {
      Object.assign(h.flushes[0]!.targets[0]!, { ...NONE, state: 'expired' });
    },
  ],
  [
    'I1',
    'a gateway acknowledged a command before it was in its journal',
    (h) => {
      const receipt = deed(h, 'receipt');
      without(h, receipt);
      h.deeds.unshift(receipt);
    },
  ],
  [
    'I1',
    'a result was not repeated on a new session',
    (h) => {
      without(h, ...h.deeds.filter((one) => one.kind === 'said').slice(1), ...h.deeds.filter((one) => one.kind === 'acknowledged'));
    },
  ],
  [
    'I1',
    'a result was acknowledged and not stored',
    (h) => {
      h.flushes[0]!.targets[0]!.state = 'indeterminate';
      h.faults = [{ name: 'controller', fromMs: 0, toMs: 1000 }];
    },
  ],
  [
    'I2',
    'a command was started again',
    (h) => {
      add(h, { kind: 'started', commandId: 'c1' });
    },
  ],
  [
    'I2',
    'a table was changed with nothing under way',
    (h) => {
      add(h, { kind: 'delete', flows: ['flow c'] });
    },
  ],
  [
    'I2',
    'a flow was ended twice for one command',
    (h) => {
      Object.assign(deed(h, 'delete'), { flows: [A, A] });
    },
  ],
  [
    'I3',
    'a lower number was started later',
    (h) => {
      h.commands.push({ ...command('c0', 'g1', 't1', 0n), flushId: 'g' });
      add(h, { kind: 'started', commandId: 'c0' });
    },
  ],
  [
    'I3',
    'the gateway had to refuse what the controller put out of order',
    (h) => {
      Object.assign(h.flushes[0]!.targets[0]!, { reason: 'Command 3 came after 5.' });
    },
  ],
  [
    'I1',
    'a command was called late that was not',
    (h) => {
      add(h, { kind: 'said', commandId: 'c1', claims: { ...NONE, deleted: 1 }, refusedAs: 'COMMAND_LATE' }, -5000);
    },
  ],
  [
    'I3',
    'an honest number was refused',
    (h) => {
      h.commands.push({ ...command('c3', 'g1', 't1', 5n), flushId: 'g', state: 'sent' });
      add(h, { kind: 'said', commandId: 'c3', claims: NONE, refusedAs: 'COMMAND_OUT_OF_ORDER' });
    },
  ],
  [
    'I4',
    'a command began after its deadline',
    (h) => {
      h.commands[0]!.notAfterMs = -2000;
    },
  ],
  [
    'I5',
    'no decision is on record',
    (h) => {
      h.audit = h.audit.filter((entry) => entry.action !== 'flush.started');
    },
  ],
  [
    'I5',
    'the decision came after the effect',
    (h) => {
      h.audit = [];
      record(h, 't1', 'flush.started', 101);
      record(h, 't2', 'flush.started', 50);
    },
  ],
  [
    'I6',
    'somebody was shown data of another tenant',
    (h) => {
      h.views[0]!.shown.push('t2');
    },
  ],
  [
    'I6',
    'a command went to another tenant’s gateway',
    (h) => {
      h.commands[0]!.gatewayId = 'g2';
    },
  ],
  [
    'I6',
    'a deed is in another tenant’s record',
    (h) => {
      record(h, 't2', 'flush.target-finished', 300, { state: 'expired' }, 'g1');
    },
  ],
  [
    'I7',
    'a protected flow was ended',
    (h) => {
      Object.assign(deed(h, 'delete'), { flows: [A, 'kept'] });
    },
  ],
  [
    'I8',
    'a change was still there after its deadline',
    (h) => {
      h.changes[0]!.undoneAtMs = 501;
    },
  ],
  [
    'I9',
    'an entry was changed',
    (h) => {
      h.audit[0]!.summary += '!';
    },
  ],
  [
    'I9',
    'an entry is missing',
    (h) => {
      h.audit.shift();
    },
  ],
  [
    'I9',
    'an end is recorded twice',
    (h) => {
      record(h, 't1', 'flush.target-finished', 150, { commandId: 'c1', state: 'verified' }, 'g1');
    },
  ],
  [
    'I9',
    'more is claimed than the table saw',
    (h) => {
      h.flushes[0]!.targets[0]!.deleted = 2;
    },
  ],
  [
    'I9',
    'the table saw more than is claimed',
    (h) => {
      Object.assign(deed(h, 'delete'), { flows: [A, 'flow c'] });
    },
  ],
  [
    'I9',
    'a repeated result differed from the first',
    (h) => {
      add(h, { kind: 'said', commandId: 'c1', claims: { ...NONE, indeterminate: 1 } });
    },
  ],
  [
    'I5',
    'a table changed for an unknown command',
    (h) => {
      h.commands.pop();
      h.flushes[0]!.targets.pop();
    },
  ],
  [
    'I10',
    'two agents had one identity and nobody was told',
    (h) => {
      h.clones = [{ gatewayId: 'g1', fromMs: 0, toMs: 10, wasSeen: false }];
    },
  ],
  [
    'I10',
    'a superseded session had an effect',
    (h) => {
      h.deeds.unshift({ kind: 'received', commandId: 'c0', seq: 0n, epoch: 9n, gatewayId: 'g1', life: 1, atMs: 0 });
    },
  ],
  [
    'I11',
    'more was ended within a minute than the owner allows',
    (h) => {
      h.gateways[0]!.maxDeletesAMinute = 0;
    },
  ],
  [
    'I11',
    'a remediation went beyond what one person may decide',
    (h) => {
      h.gateways[0]!.maxFlowsAlone = 0;
      add(h, { kind: 'delete', flows: [B], remediationId: 'r' });
    },
  ],
  [
    'I11',
    'a flow was ended that was not in the plan',
    (h) => {
      Object.assign(deed(h, 'delete'), { flows: ['flow c'] });
    },
  ],
  [
    'I11',
    'it was done by another method than was shown',
    (h) => {
      h.plans[0]!.method = 'expire';
    },
  ],
  [
    'I11',
    'somebody had seen another plan',
    (h) => {
      h.asks[0]!.digest = 'other';
    },
  ],
  [
    'I11',
    'no second person had approved it',
    (h) => {
      h.plans[0]!.isApproved = false;
    },
  ],
  [
    'I11',
    'a command ran that was stopped before it began',
    (h) => {
      h.deeds.unshift({ kind: 'stopped', commandId: 'c1', gatewayId: 'g1', life: 1, atMs: 0 });
    },
  ],
  [
    'I11',
    'a cancelled command ran',
    (h) => {
      h.commands[0]!.state = 'cancelled';
    },
  ],
  [
    'I11',
    'a wave began before the previous one had ended',
    (h) => {
      h.flushes[0]!.targets[0]!.finishedAtMs = 201;
    },
  ],
  [
    'I12',
    'a point was invented',
    (h) => {
      h.points.push({ gatewayId: 'g1', fromMs: 200, toMs: 300 });
    },
  ],
  [
    'I13',
    'a controller ended by itself',
    (h) => {
      h.deaths = [{ part: 'front-1', how: 'SIGABRT', atMs: 120 }];
    },
  ],
  [
    'I14',
    'a gateway is shown as connected long after its controller died',
    (h) => {
      h.sightings = [{ gatewayId: 'g1', goneForMs: 20_000 }];
    },
  ],
];

describe('the checker detects', () => {
  it.each(BROKEN)('%s: %s', (invariant, _, breakIt) => {
    const history = soundHistory();
    breakIt(history);
    expect(checkInvariants(history).map((violation) => violation.invariant)).toContain(invariant);
  });

  it('violations of every one of the fourteen promises', () => {
    expect(new Set(BROKEN.map(([name]) => name))).toEqual(new Set(Object.keys(INVARIANTS)));
  });
});

describe('the checker allows', () => {
  it('a command that expired while something was in the way', () => {
    const history = soundHistory();
    Object.assign(history.flushes[0]!.targets[0]!, { ...NONE, state: 'expired' });
    Object.assign(history.commands[0]!, { state: 'expired' });
    without(history, ...history.deeds.filter(({ gatewayId }) => gatewayId === 'g1'));
    Object.assign(history, { points: [], faults: [{ name: 'postgres', fromMs: 300, toMs: 350 }] });
    expect(checkInvariants(history)).toEqual([]);
  });

  it('an interrupted command that resumes in the next life and does not know its full outcome', () => {
    const history = soundHistory();
    const again = history.deeds.findIndex((one) => one.kind === 'finished');
    history.deeds.splice(
      again,
      0,
      { kind: 'began', gatewayId: 'g1', life: 2, atMs: 900 },
      { kind: 'delete', flows: [], gatewayId: 'g1', life: 2, atMs: 900 },
    );
    Object.assign(history.flushes[0]!.targets[0]!, { state: 'partial', deleted: 0, indeterminate: 1, finishedAtMs: 150 });
    for (const one of history.deeds) if (one.kind === 'said' && one.gatewayId === 'g1') one.claims = { ...NONE, indeterminate: 1 };
    expect(checkInvariants(history)).toEqual([]);
  });
});
