import { entryOf } from '../support/sample-entries.ts';
import type { AgentStage } from './agent-stage.ts';

const PHONES = 'dport:5060';
const DNS = 'dport:53';
const PLAN = '01900000-0000-7000-8000-000000000001';
const REMEDIATION = '01900000-0000-7000-8000-00000000000a';
const OTHER = '01900000-0000-7000-8000-000000000002';

/** What happens to one gateway, by name. Played on the product as it is, each scenario keeps every promise. */
export const AGENT_SCENARIOS: Record<string, (stage: AgentStage) => Promise<void>> = {
  'power-cut-at-receipt': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES);
    stage.cutPowerAt('receipt');
    stage.deliver(stage.command('c1', PLAN, { digest }));
    await stage.settle();
    stage.restart();
    await stage.settle();
  },
  'power-cut-at-result': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES);
    const command = stage.command('c1', PLAN, { digest });
    stage.cutPowerAt('said');
    stage.deliver(command);
    await stage.settle();
    stage.restart();
    stage.openSession();
    stage.deliver(command);
    await stage.settle();
  },
  'power-cut-after-result': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES);
    const command = stage.command('c1', PLAN, { digest });
    stage.deliver(command);
    await stage.settle();
    stage.cutPower();
    stage.deliver(command);
    await stage.settle();
  },
  'result-lost-with-session': async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) }));
    await stage.settle();
    stage.openSession();
  },
  'killed-after-delete': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES);
    const there = stage.hangs('after', 'delete');
    stage.deliver(stage.command('c1', PLAN, { digest }));
    await there;
    stage.restart();
    await stage.settle();
  },
  'torn-journal': async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) }));
    await stage.settle();
    stage.restart({ damage: '0badc0de {"kind":"recei' });
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS) }));
    await stage.settle();
  },
  'delivered-twice': async (stage) => {
    const command = stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) });
    stage.deliver(command);
    await stage.settle();
    stage.deliver(command);
    await stage.settle();
  },
  'disk-full': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES);
    stage.diskFault = 'read-only';
    stage.deliver(stage.command('c1', PLAN, { digest }));
    await stage.settle();
  },
  'short-writes': async (stage) => {
    stage.diskFault = 'short';
    const command = stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) });
    stage.deliver(command);
    await stage.settle();
    stage.restart();
    stage.deliver(command);
    await stage.settle();
  },
  'disk-full-in-a-record': async (stage) => {
    stage.diskFault = 'full';
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) }));
    await stage.settle();
    stage.diskFault = undefined;
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS) }));
    await stage.settle();
    stage.restart();
    await stage.settle();
  },
  'fsync-fails': async (stage) => {
    const command = stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) });
    stage.diskFault = 'unsynced';
    stage.deliver(command);
    await stage.settle();
    stage.diskFault = undefined;
    stage.cutPower();
    stage.deliver(command);
    await stage.settle();
  },
  'damaged-in-the-middle': async (stage) => {
    const command = stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) });
    stage.deliver(command);
    await stage.settle();
    stage.damageJournal(0);
    stage.restart();
    await stage.settle();
    stage.deliver(command);
    await stage.settle();
  },
  'undone-twice': async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES), undoForSeconds: 300 }));
    await stage.settle();
    stage.deliver(stage.command('u1', PLAN, { undoOf: 'c1' }));
    await stage.settle();
    await stage.table.endQuietly(await stage.flows(PHONES));
    stage.deliver(stage.command('u2', PLAN, { undoOf: 'c1' }));
    await stage.settle();
  },
  reordered: async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES), seq: 5n }));
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS), seq: 3n }));
    await stage.settle();
  },
  'arrives-late': async (stage) => {
    const command = stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) });
    stage.nowMs += 150_000;
    stage.deliver(command);
    await stage.settle();
  },
  'waits-too-long': async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES), verifyAfterMs: 60_000 }));
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS), notAfterMs: stage.nowMs + 10_000 }));
    await stage.settle();
  },
  'gateway-clock-set-back': async (stage) => {
    const command = stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) });
    stage.setGatewayClock(-600_000);
    stage.nowMs += 150_000;
    stage.deliver(command);
    await stage.settle();
  },
  'controller-clock-set-on': async (stage) => {
    stage.setControllerClock(600_000);
    const command = stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) });
    stage.nowMs += 150_000;
    stage.deliver(command);
    await stage.settle();
  },
  'controller-clock-set-back': async (stage) => {
    stage.setControllerClock(-600_000);
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) }));
    await stage.settle();
  },
  'number-leaps': async (stage) => {
    stage.deliver(stage.command('invented', OTHER, { digest: await stage.freeze(OTHER, DNS), seq: 2n ** 63n, isInvented: true }));
    await stage.settle();
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) }));
    await stage.settle();
  },
  'two-plans-in-a-minute': async (stage) => {
    stage.limit({ maxDeletesAMinute: 20 });
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) }));
    await stage.settle();
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS) }));
    await stage.settle();
  },
  'killed-between-two-plans': async (stage) => {
    stage.limit({ maxDeletesAMinute: 20 });
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES) }));
    await stage.settle();
    stage.restart();
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS) }));
    await stage.settle();
  },
  'remediation-beyond-the-guard': async (stage) => {
    stage.limit({ maxDeletesAMinute: 10 });
    await stage.remediate(REMEDIATION, PHONES);
  },
  'remediation-without-second-person': async (stage) => {
    stage.limit({ maxFlowsAlone: 10 });
    await stage.remediate(REMEDIATION, PHONES);
  },
  'plan-names-protected': async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, 'proto:tcp', { withProtected: true }) }));
    await stage.settle();
  },
  'older-session': async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES), epoch: 7n }));
    await stage.settle();
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS), epoch: 6n }));
    await stage.settle();
  },
  'plan-replaced': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES);
    stage.write(PLAN, await stage.flows(DNS));
    stage.deliver(stage.command('c1', PLAN, { digest }));
    await stage.settle();
  },
  'born-again': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES);
    await stage.table.endQuietly(await stage.flows(`src:10.1.0.7 ${PHONES}`));
    stage.table.insert(
      entryOf({ proto: 17, orig: { src: '10.1.0.7', dst: '198.51.100.10', sport: 5060, dport: 5060 }, timeoutSeconds: 120 }),
    );
    stage.deliver(stage.command('c1', PLAN, { digest }));
    await stage.settle();
  },
  'stopped-while-waiting': async (stage) => {
    stage.deliver(stage.command('c1', PLAN, { digest: await stage.freeze(PLAN, PHONES), verifyAfterMs: 5000 }));
    stage.deliver(stage.command('c2', OTHER, { digest: await stage.freeze(OTHER, DNS) }));
    stage.stop('c2');
    await stage.settle();
  },
  'expiry-interrupted': async (stage) => {
    const digest = await stage.freeze(PLAN, PHONES, { method: 'expire' });
    const there = stage.hangs('before', 'expire');
    stage.deliver(stage.command('c1', PLAN, { digest, method: 'expire' }));
    await there;
    stage.restart();
    await stage.settle();
  },
};
