import { describe, expect, it } from 'vitest';
import { remediationDocument } from '../../proto/http/remediation-document.ts';
import { parseAddress } from '../../proto/model/address.ts';
import type { Wan } from '../wans/wans.ts';
import type { GatewayRemediation } from './remediation-set.ts';
import { TriggerMonitor, type Case } from './trigger-monitor.ts';

const SECOND = 1000;

function remediation(change: object, delaySeconds = 0): GatewayRemediation {
  return {
    id: 'r',
    revision: 1,
    delaySeconds,
    document: remediationDocument.parse({ name: 'r', mode: 'auto', filter: 'stale:yes', trigger: { kind: 'wan-down' }, ...change }),
  };
}

const WAN1: Wan = {
  name: 'wan1',
  interface: 'wan1',
  addresses: [parseAddress('192.0.2.1')!],
  isUp: true,
  isAnswering: true,
  carriesDefaultRoute: true,
};
const WAN2: Wan = { ...WAN1, name: 'wan2', interface: 'wan2', addresses: [parseAddress('198.51.100.1')!], carriesDefaultRoute: false };
const ON_WAN2: Partial<Wan>[] = [{ carriesDefaultRoute: false }, { carriesDefaultRoute: true }];

/** A gateway with two WANs, and a log of what its monitor says is due; `finds` decides whether a check finds flows. */
function gateway(one: GatewayRemediation, finds: (looks: number) => boolean = () => false) {
  const monitor = new TriggerMonitor();
  let nowMs = 0;
  let wans: Wan[] = [WAN1, WAN2];
  let set: GatewayRemediation[] = [one];
  const said: string[] = [];
  monitor.observeWans(wans, nowMs);

  function work(): number | undefined {
    for (;;) {
      const { due, nextMs } = monitor.due(set, nowMs);
      if (due.length === 0) return nextMs;
      for (const { case: it, step } of due) act(it, step);
    }
  }

  function act(it: Case, step: ReturnType<TriggerMonitor['due']>['due'][number]['step']): void {
    const at = `${nowMs / SECOND} s: `;
    if (step.kind === 'over') said.push(`${at}nothing, ${it.firing.words}`);
    else if (step.kind === 'refuse') {
      if (monitor.claimReport(it, step.code)) said.push(`${at}refused, ${it.firing.words}`);
    } else {
      monitor.begin(it, nowMs);
      const found = finds(it.progress.looks);
      if (found) monitor.claimReport(it, 'run');
      said.push(`${at}${found ? 'run' : 'look'}, ${it.firing.words}`);
      monitor.end(it, found, it.firing.steps, nowMs);
    }
  }

  /** Advances to that second and applies the changes to the WANs. */
  function at(seconds: number, ...change: Partial<Wan>[]): void {
    for (let nextMs = work(); nextMs !== undefined && nextMs <= seconds * SECOND; nextMs = work()) nowMs = nextMs;
    nowMs = seconds * SECOND;
    wans = wans.map((wan, index) => ({ ...wan, ...change[index] }));
    if (change.length > 0) monitor.observeWans(wans, nowMs);
    work();
  }

  function full(seconds: number, percent: number): void {
    at(seconds);
    monitor.observeUsage(percent);
    work();
  }

  function replace(next: GatewayRemediation[]): void {
    set = next;
    work();
  }

  return { said, monitor, at, full, replace };
}

describe('the only WAN of a gateway', () => {
  it('has nowhere to fail over to: nothing is done and nothing is reported', () => {
    const monitor = new TriggerMonitor();
    const one = remediation({ conditions: { healthyTarget: true } });
    monitor.observeWans([WAN1], 0);
    monitor.observeWans([{ ...WAN1, isUp: false, carriesDefaultRoute: false }], SECOND);
    for (const at of [1, 11, 60, 3600]) expect(monitor.due([one], at * SECOND).due).toEqual([]);
    monitor.observeWans([WAN1], 3601 * SECOND);
    expect(monitor.due([one], 3602 * SECOND).due).toEqual([]);
  });

  it('waits for another that is dialled in the meantime', () => {
    const monitor = new TriggerMonitor();
    const one = remediation({ conditions: { healthyTarget: true } });
    const down = { ...WAN1, isUp: false, carriesDefaultRoute: false };
    monitor.observeWans([WAN1], 0);
    monitor.observeWans([down], SECOND);
    monitor.observeWans([down, { ...WAN2, carriesDefaultRoute: true }], 30 * SECOND);
    expect(monitor.due([one], 30 * SECOND).due.map(({ step }) => step.kind)).toEqual(['look']);
  });
});

describe('a WAN that goes down', () => {
  it('is checked until its flows have been found and ended, and not again', () => {
    const { said, at } = gateway(remediation({}), () => true);
    at(10, { isUp: false });
    at(600);
    expect(said).toEqual(['10 s: run, wan1 went down']);
  });

  it('is checked at growing intervals while nothing is found, at once when the route moves, and then no more', () => {
    const { said, at } = gateway(remediation({}), (looks) => looks === 4);
    at(10, { isAnswering: false });
    at(15.5, ...ON_WAN2);
    at(600);
    expect(said).toEqual([
      '10 s: look, wan1 fell silent',
      '11 s: look, wan1 fell silent',
      '13 s: look, wan1 fell silent',
      '15.5 s: run, wan1 fell silent',
    ]);
  });

  it('is not checked for ever: seven times without a change', () => {
    const { said, at } = gateway(remediation({}));
    at(10, { isUp: false });
    at(9000);
    expect(said).toHaveLength(8);
  });

  it('and loses its route after flows were ended is checked again', () => {
    const { said, at } = gateway(remediation({}), () => true);
    at(10, { isAnswering: false });
    at(20, ...ON_WAN2);
    expect(said).toEqual(['10 s: run, wan1 fell silent', '20 s: run, wan1 fell silent']);
  });

  it('that was checked in vain is reported when it recovers', () => {
    const { said, at } = gateway(remediation({}));
    at(10, { isUp: false });
    at(10.5, { isUp: true });
    expect(said).toEqual(['10 s: look, wan1 went down', '10.5 s: nothing, wan1 went down']);
  });

  it('has also failed if only the route left it, and recovers when the route is back', () => {
    const { said, at } = gateway(remediation({}), () => true);
    at(10, ...ON_WAN2);
    at(20, { carriesDefaultRoute: true }, { carriesDefaultRoute: false });
    at(30, ...ON_WAN2);
    expect(said).toEqual([
      '10 s: run, the default route left wan1',
      '20 s: run, the default route left wan2',
      '30 s: run, the default route left wan1',
    ]);
  });

  it('and was down when the agent started is checked', () => {
    const one = gateway(remediation({ trigger: { kind: 'wan-down', wan: 'wan3' } }), () => true);
    one.monitor.observeWans([{ ...WAN2, name: 'wan3', isUp: false }], 0);
    one.at(1);
    expect(one.said).toEqual(['0 s: run, wan3 was down when the agent began']);
  });

  it('does not fire a remediation for other WANs', () => {
    const { said, at } = gateway(remediation({ trigger: { kind: 'wan-down', wan: 'lte*' } }), () => true);
    at(10, { isUp: false });
    expect(said).toEqual([]);
  });
});

describe('conditions', () => {
  it('settledSeconds: a WAN that recovers in time is left alone', () => {
    const { said, at } = gateway(remediation({ conditions: { settledSeconds: 5 } }), () => true);
    at(10, { isUp: false });
    at(14, { isUp: true });
    at(20, { isUp: false });
    at(60);
    expect(said).toEqual(['25 s: run, wan1 went down']);
  });

  it('healthyTarget: without one nothing is done, reported once after ten seconds; with one it acts at once', () => {
    const { said, at } = gateway(remediation({ conditions: { healthyTarget: true } }), () => true);
    at(10, { isAnswering: false }, { isAnswering: false });
    at(30, ...ON_WAN2);
    at(300);
    expect(said).toEqual(['20 s: refused, wan1 fell silent', '20 s: refused, wan2 fell silent']);
    at(400, {}, { isAnswering: true });
    expect(said.slice(2)).toEqual(['400 s: run, wan1 fell silent']);
  });

  it('healthyTarget: a WAN that takes its route back before it is known to be healthy is not a refusal', () => {
    const { said, at } = gateway(remediation({ conditions: { healthyTarget: true } }), (looks) => looks === 1);
    at(1, ...ON_WAN2);
    at(3, { isAnswering: false });
    at(30, { carriesDefaultRoute: true }, { carriesDefaultRoute: false });
    at(32, { isAnswering: true });
    at(100);
    expect(said.filter((words) => words.includes('refused'))).toEqual([]);
    expect(said.some((words) => words.includes('run'))).toBe(true);
  });

  it('healthyTarget: a route that moves some seconds after the failure is not a refusal', () => {
    const { said, at } = gateway(remediation({ conditions: { healthyTarget: true } }), () => true);
    at(10, { isAnswering: false });
    at(18, ...ON_WAN2);
    at(300);
    expect(said).toEqual(['18 s: run, wan1 fell silent']);
  });

  it('mostFlapsAnHour: a flapping WAN is left alone until an hour has passed', () => {
    const { said, at } = gateway(remediation({ conditions: { mostFlapsAnHour: 3 } }), () => true);
    for (const seconds of [10, 20, 30]) {
      at(seconds, { isUp: false });
      at(seconds + 5, { isUp: true });
    }
    expect(said).toEqual(['10 s: run, wan1 went down', '20 s: run, wan1 went down', '30 s: refused, wan1 went down']);
    at(4000, { isUp: false });
    expect(said.slice(3)).toEqual(['4000 s: run, wan1 went down']);
  });
});

describe('other triggers', () => {
  it('wan-up: fires for a WAN that works again once it has settled', () => {
    const { said, at } = gateway(remediation({ trigger: { kind: 'wan-up' }, conditions: { settledSeconds: 30 } }), () => true);
    at(10, { isAnswering: false });
    at(20, { isAnswering: true });
    at(40, { isAnswering: false });
    at(50, { isAnswering: true });
    at(200);
    expect(said).toEqual(['80 s: run, wan1 came up again']);
  });

  it('wan-up: a route that comes back also counts where the WAN was never down', () => {
    const { said, at } = gateway(remediation({ trigger: { kind: 'wan-up', wan: 'wan1' } }), () => true);
    at(10, ...ON_WAN2);
    at(20, { carriesDefaultRoute: true }, { carriesDefaultRoute: false });
    expect(said).toEqual(['20 s: run, the default route came back to wan1']);
  });

  it('address-change: fires with the old address, for two minutes', () => {
    const { said, at, monitor } = gateway(remediation({ trigger: { kind: 'address-change' } }));
    at(10, { addresses: ['203.0.113.7', '192.0.2.1'].map((text) => parseAddress(text)!) });
    expect(monitor.due([remediation({ trigger: { kind: 'address-change' } })], 11_000).due[0]!.case.firing).toMatchObject({
      wan: 'wan1',
      address: '192.0.2.1',
    });
    at(200);
    expect(said.at(-1)).toMatch(/nothing, wan1 has 203.0.113.7 and no longer 192.0.2.1/);
  });

  it('address-change: a link that goes down and loses its IPv6 address has not changed it', () => {
    const { said, at } = gateway(remediation({ trigger: { kind: 'address-change' } }), () => true);
    at(10, { addresses: [] });
    at(20, { addresses: [parseAddress('2001:db8::1')!] });
    expect(said).toEqual([]);
  });

  it('table-usage: fires repeatedly while usage is above the threshold, and ends only well below it', () => {
    const { said, full, at } = gateway(
      remediation({ trigger: { kind: 'table-usage', abovePercent: 80 }, limits: { coolDownSeconds: 60 } }),
      () => true,
    );
    full(10, 79);
    full(20, 81);
    full(70, 75);
    at(85);
    full(90, 71);
    at(500);
    full(600, 79);
    expect(said).toEqual(['20 s: run, the table is 81 % full', '80 s: run, the table is 75 % full']);
  });
});

describe('the turn of a gateway', () => {
  it('is waited for after the trigger, and a WAN that recovers by then is left alone', () => {
    const { said, at } = gateway(remediation({}, 10), () => true);
    at(10, { isUp: false });
    at(15, { isUp: true });
    at(60);
    expect(said).toEqual([]);
    at(100, { isUp: false });
    at(600);
    expect(said).toEqual(['110 s: run, wan1 went down']);
  });

  it('comes after the conditions’ delay, and also applies to a full table', () => {
    const { said, full, at } = gateway(
      remediation(
        { trigger: { kind: 'table-usage', abovePercent: 80 }, conditions: { settledSeconds: 5 }, limits: { coolDownSeconds: 60 } },
        30,
      ),
    );
    full(10, 85);
    full(20, 70);
    full(30, 85);
    at(70);
    expect(said).toEqual(['65 s: look, the table is 85 % full']);
  });
});

describe('the set', () => {
  it('a remediation held back or approved at the same revision stops what it started, and starts again in its new mode', () => {
    const acts = remediation({});
    const { said, monitor, at, replace } = gateway(acts, () => true);
    at(10, { isUp: false });
    const begun = { remediation: acts, firing: { key: 'wan1 wan1 went down 10000' } } as Case;
    expect(monitor.stillHolds(begun)).toBe(true);
    at(20);
    replace([remediation({ mode: 'suggest' })]);
    expect(monitor.stillHolds(begun)).toBe(false);
    replace([remediation({})]);
    expect(said).toEqual(['10 s: run, wan1 went down', '20 s: run, wan1 went down', '20 s: run, wan1 went down']);
  });

  it('a remediation that is removed or changed is dropped together with what was in progress', () => {
    const one = gateway(remediation({ conditions: { settledSeconds: 5 } }), () => true);
    one.at(10, { isUp: false });
    one.replace([]);
    one.at(60);
    expect(one.said).toEqual([]);
    one.replace([{ ...remediation({}), revision: 2 }]);
    expect(one.said).toEqual(['60 s: run, wan1 went down']);
  });

  it('a run may continue only while its firing lasts', () => {
    const one = remediation({ conditions: { healthyTarget: true } });
    const { at, monitor } = gateway(one, () => true);
    at(10, { isUp: false, carriesDefaultRoute: false }, { carriesDefaultRoute: true });
    const it = { remediation: one, firing: { key: 'wan1 wan1 went down 10000', wan: 'wan1' }, progress: {} } as Case;
    expect(monitor.stillHolds(it)).toBe(true);
    at(11, {}, { isAnswering: false });
    expect(monitor.stillHolds(it)).toBe(false);
    at(12, {}, { isAnswering: true });
    at(13, { isUp: true, carriesDefaultRoute: true }, { carriesDefaultRoute: false });
    expect(monitor.stillHolds(it)).toBe(false);
  });
});
