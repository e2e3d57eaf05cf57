import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { parseGuard } from '../../agent/operations/guard-file.ts';
import { Method, Result_State, RunPlan, type Result, type SignedApproval } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { PlanPart } from '../../proto/signing/plan-statement.ts';
import { Authenticator } from '../support/authenticator.ts';
import { GATEWAY as IDS, HostileController, type HostileSession } from '../support/hostile-controller.ts';
import { entryOf } from '../support/sample-entries.ts';
import { signPlan } from '../support/sign-plan.ts';

const ORIGIN = 'https://ctfleet.example.net';
const GATEWAY = IDS.gatewayId;
const FLOWS = 100;
const MINUTES_15 = 15 * 60_000;
/** The one thing that the broken-in controller does not hold. */
const ben = new Authenticator(ORIGIN);
const guard = parseGuard(`
mostPercentOfTable: 100
approvals:
  demandedFor: [reset, block, whole-table]
  console: ${ORIGIN}
  keys:
    - { name: Ann, publicKey: ${new Authenticator(ORIGIN).spki} }
    - { name: Ben, publicKey: ${ben.spki} }
`);

let root: string;
let controller: HostileController;
let table: MemoryTable;
let stateDir: string;
let session: HostileSession;
let endAgent: () => Promise<void>;
let made = 0;
let seq = 0n;

beforeAll(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-signatures-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(async () => {
  if (guard.error !== undefined) throw new Error(guard.error);
  seq = 0n;
  stateDir = mkdtempSync(path.join(root, 'agent-'));
  table = tableOf();
  controller = await HostileController.start();
  ({ end: endAgent } = await controller.startAgent({ table, stateDir, guardRules: () => guard }));
  session = await controller.session();
});
afterEach(() => controller.end());

function tableOf(): MemoryTable {
  const filled = new MemoryTable({ now: Date.now });
  for (let n = 0; n < FLOWS; n++)
    filled.insert(
      entryOf({
        proto: 17,
        orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 1000 + n, dport: 5000 + (n % 10) },
        timeoutSeconds: 86_400,
      }),
    );
  return filled;
}

interface Frozen {
  planId: string;
  digest: Buffer;
}

async function freeze(text: string, { planId = newId(), method = Method.METHOD_DELETE } = {}): Promise<Frozen> {
  return { planId, digest: await controller.freeze(session, planId, text, { method }) };
}

function newId(): string {
  return `01900000-0000-7000-8000-${String(++made).padStart(12, '0')}`;
}

/** Everything a controller may do, with whatever signature it has. */
function run({ planId, digest }: Frozen, approval?: SignedApproval, change: Partial<RunPlan> = {}): Promise<Result> {
  return controller.command(session, {
    id: `c-${++made}`,
    seq: ++seq,
    epoch: BigInt(controller.sessions.length),
    notAfterMs: BigInt(Date.now() + 60_000),
    work: { $case: 'runPlan', value: { planId, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0, approval, ...change } },
  });
}

const toSign = ({ planId, digest }: Frozen, others: PlanPart[] = []) => ({
  planId,
  way: { method: 'delete' },
  parts: [...others, { gatewayId: GATEWAY, digest }],
  expiresAtMs: Date.now() + MINUTES_15,
});
const refused = (why: string) => ({ state: Result_State.STATE_REFUSED, reason: 'GUARD_REFUSED', detail: expect.stringContaining(why) });
const ALL = 'proto:udp';

describe('F33: a controller with everything but the passkey', () => {
  it('cannot reset, block or clear a table, and what needs no signature goes on', async () => {
    const all = await freeze(ALL);
    expect(await run(all)).toMatchObject(refused('clearing a whole table needs the signature of a second person'));
    expect(await run(all, undefined, { method: Method.METHOD_EXPIRE })).toMatchObject(refused('whole table'));
    const few = await freeze('dport:5001');
    // A table in memory can neither reset nor block, but is never even asked.
    expect((await run(few, undefined, { method: Method.METHOD_RESET })).state).toBe(Result_State.STATE_REFUSED);
    expect(await table.count()).toBe(FLOWS);
    expect(await run(few)).toMatchObject({ state: Result_State.STATE_DONE });
    expect(await table.count()).toBe(FLOWS - 10);
    expect(session.hello?.guard).toMatchObject({ signedFor: ['reset', 'block', 'whole-table'] });
  });

  it('cannot do it in ten steps of a minute either', async () => {
    const results: Result[] = [];
    for (let part = 0; part < 10; part++) results.push(await run(await freeze(`dport:500${part}`)));
    // Ten flows at a time are few; more than that at once are not.
    expect(results.every(({ state }) => state === Result_State.STATE_DONE)).toBe(true);
    for (let n = 0; n < 40; n++)
      table.insert(
        entryOf({ proto: 17, orig: { src: '10.1.0.2', dst: '198.51.100.10', sport: 1000 + n, dport: 53 }, timeoutSeconds: 86_400 }),
      );
    expect(await run(await freeze('dport:53'))).toMatchObject(refused('whole table'));
  });

  it('cannot make a signature: by another key, on another site, without the person, or out of thin air', async () => {
    const all = await freeze(ALL);
    const own = new Authenticator(ORIGIN);
    expect(await run(all, signPlan(own, toSign(all))(GATEWAY))).toMatchObject(refused('by none of the keys'));
    const evil = { origin: 'https://evil.example' };
    expect(await run(all, signPlan(ben, toSign(all), evil)(GATEWAY))).toMatchObject(refused('on another site'));
    expect(await run(all, signPlan(ben, { ...toSign(all), rpId: 'evil.example' })(GATEWAY))).toMatchObject(refused('another site'));
    expect(await run(all, signPlan(ben, toSign(all), { isUnverified: true })(GATEWAY))).toMatchObject(refused('was not verified'));
    const genuine = signPlan(ben, toSign(all))(GATEWAY);
    const empty = Buffer.alloc(0);
    for (const forged of [
      { ...genuine, signature: empty },
      { ...genuine, signature: Buffer.alloc(500_000 / 4) },
      { ...genuine, clientDataJson: Buffer.from('{}') },
      { ...genuine, authenticatorData: empty },
      { ...genuine, approverId: 'somebody else' },
      { ...genuine, planExpiresAtMs: genuine.planExpiresAtMs + 1n },
      { ...genuine, path: [Buffer.alloc(32)] },
      { ...genuine, index: 2 ** 32 - 1, parts: 2 ** 32 - 1 },
      { ...genuine, parts: 0 },
    ])
      expect(await run(all, forged)).toMatchObject(refused('approvals:'));
    expect(await table.count()).toBe(FLOWS);
    expect(await run(all, genuine)).toMatchObject({ state: Result_State.STATE_DONE });
    expect(await table.count()).toBe(0);
  });

  it('cannot stretch one to another plan, way, time or gateway, nor to a wider target', async () => {
    const [narrow, wide] = [await freeze('-dport:5009'), await freeze(ALL)];
    const signed = signPlan(ben, toSign(narrow))(GATEWAY);
    expect(await run(wide, signed)).toMatchObject(refused('another plan, or of more or less'));
    expect(await run({ ...wide, planId: narrow.planId }, signed)).toMatchObject({ reason: 'PLAN_DIGEST_MISMATCH' });
    // Frozen again under an id that was signed, but with more in it.
    const again = await freeze('-dport:5009');
    const ofAgain = signPlan(ben, toSign(again))(GATEWAY);
    const wider = await freeze(ALL, { planId: again.planId });
    expect(await run(wider, ofAgain)).toMatchObject(refused('another plan, or of more or less'));
    const all = await freeze(ALL);
    const approval = signPlan(ben, toSign(all))(GATEWAY);
    for (const change of [{ method: Method.METHOD_EXPIRE }, { forSeconds: 3600 }, { maxDrift: 5 }])
      expect(await run(all, approval, change)).toMatchObject(refused('approvals:'));
    const elsewhere = { gatewayId: '01900000-0000-7000-8000-0000000000cc', digest: all.digest };
    const ofOther = signPlan(ben, { ...toSign(all), parts: [elsewhere] })(elsewhere.gatewayId);
    expect(await run(all, ofOther)).toMatchObject(refused('another plan, or of more or less'));
    expect(await table.count()).toBe(FLOWS);
  });

  it('cannot use one twice, not after a restart of the agent, and not after its time', async () => {
    const all = await freeze(ALL);
    const approval = signPlan(ben, toSign(all))(GATEWAY);
    expect(await run(all, approval)).toMatchObject({ state: Result_State.STATE_DONE });
    refill();
    expect(await run(all, approval)).toMatchObject(refused('was run here before'));
    await endAgent();
    ({ end: endAgent } = await controller.startAgent({ table: tableOf(), stateDir, guardRules: () => guard }));
    session = await controller.session(2);
    expect(await run(all, approval)).toMatchObject(refused('was run here before'));
    const later = await freeze(ALL);
    for (const expiresAtMs of [Date.now() - 2 * 3_600_000, Date.now() + 86_400_000])
      expect(await run(later, signPlan(ben, { ...toSign(later), expiresAtMs })(GATEWAY))).toMatchObject(refused('not of this hour'));
  });

  it('finds nothing allowed where what was used cannot be read', async () => {
    writeFileSync(path.join(stateDir, 'approvals.json'), '{');
    const all = await freeze(ALL);
    expect(await run(all, signPlan(ben, toSign(all))(GATEWAY))).toMatchObject(refused('cannot be read'));
    expect(await table.count()).toBe(FLOWS);
  });

  it('and one of a fleet is verified by each gateway from its own part alone', async () => {
    const all = await freeze(ALL);
    const others = Array.from({ length: 20 }, (_, n) => ({
      gatewayId: `01900000-0000-7000-8000-00000000${1000 + n}`,
      digest: Buffer.alloc(32, n),
    }));
    const signed = signPlan(ben, toSign(all, others));
    expect(await run(all, signed(others[3]!.gatewayId))).toMatchObject(refused('approvals:'));
    expect(await run(all, signed(GATEWAY))).toMatchObject({ state: Result_State.STATE_DONE });
    expect(await table.count()).toBe(0);
  });

  function refill(): void {
    for (let n = 0; n < FLOWS; n++)
      table.insert(
        entryOf({ proto: 17, orig: { src: '10.1.0.3', dst: '198.51.100.10', sport: 1000 + n, dport: 5000 }, timeoutSeconds: 86_400 }),
      );
  }
});
