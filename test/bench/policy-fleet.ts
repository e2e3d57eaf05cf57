import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { subscribe } from '../../client/subscribe.ts';
import { routes } from '../../proto/http/routes.ts';
import type { PolicyRollout } from '../../proto/http/policy-rollouts.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import { SshServers } from '../support/ssh-servers.ts';
import { startTestSystem } from '../support/system.ts';
import { examplePolicy, rulesByHand, sysctlLines } from './policy-by-hand.ts';

/** Milliseconds of every run. `plan`: until it can be rolled out; `rollOut`: from that click until every gateway has confirmed. */
export interface FleetTimes {
  plan: number[];
  rollOut: number[];
  ssh: number[];
}

/** A controller and agents run for weeks, so their hot paths are compiled by then; every ssh is a new program, as it is anywhere. */
const WARM_UPS = 5;
const SSH_PORT = 22;
/** Whatever one side sets, agents look at and tell of as drift within two seconds. Neither side is measured meanwhile. */
const QUIET_MS = 4000;

/** A policy on many gateways at once, by the controller and by OpenSSH to all of them in parallel, in turn. */
export async function fleetTimes(gateways: number, runs: number): Promise<FleetTimes> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-bench-'));
  const numbers = Array.from({ length: gateways }, (_, index) => index + 1);
  const { system, end } = await startTestSystem({ gateways, withTraffic: false });
  const lab = system.lab!;
  const places = numbers.map((n) => ({ namespace: lab.names.gateway(n), address: managementAddress(n) }));
  const servers = new SshServers('openssh', SSH_PORT, places);
  const { api } = system;
  try {
    // Whoever has ssh to all gateways needs no second person either.
    for (const { id } of (await api.call(routes.listTenants)).items)
      await api.call(routes.updateLimits, { params: { id }, body: { isEverything: false, areSeveralTenants: false } });
    const target = { level: 'fleet' } as const;
    const saved = await api.call(routes.createPolicy, { body: { target, document: writePolicy(examplePolicy(0)) } });
    const params = { id: saved.id };
    const times: FleetTimes = { plan: [], rollOut: [], ssh: [] };
    for (let run = -WARM_UPS; run < runs; run++) {
      const { revision } = await api.call(routes.getPolicy, { params });
      await api.call(routes.updatePolicy, { params, body: { revision, document: writePolicy(examplePolicy(run + WARM_UPS + 1)) } });
      await delay(QUIET_MS);
      const [plan, rollOut] = await ours();
      await delay(QUIET_MS);
      const ssh = await theirs(run + WARM_UPS);
      if (run < 0) continue;
      times.plan.push(plan);
      times.rollOut.push(rollOut);
      times.ssh.push(ssh);
    }
    return times;

    async function ours(): Promise<[plan: number, rollOut: number]> {
      const began = performance.now();
      const { digest, gateways: planned } = await api.call(routes.planPolicy, { params, body: { scope: {} } });
      if (planned.length !== gateways || planned.some(({ state }) => state !== 'answered'))
        throw new Error('not every gateway was planned');
      const clicked = performance.now();
      const body = { scope: {}, digest, reason: 'a benchmark', waves: false };
      const { rolloutId } = await api.call(routes.applyPolicy, { params, body });
      const { state, totals } = await ended(rolloutId);
      if (state !== 'confirmed' || totals.confirmed !== gateways) throw new Error(`it ended ${state}: ${JSON.stringify(totals)}`);
      return [clicked - began, performance.now() - clicked];
    }

    /** Awaited as the console awaits it. */
    async function ended(id: string): Promise<PolicyRollout> {
      return new Promise((resolve, reject) => {
        const stop = subscribe(
          api.client,
          routes.watchPolicyRollout,
          { params: { id } },
          {
            now: Date.now,
            onState: (state) => {
              if (state.kind === 'refused') reject(state.error);
            },
            onEvent: (event) => {
              if (event.kind !== 'rollout' || event.rollout.state === 'running') return;
              stop();
              resolve(event.rollout);
            },
          },
        );
      });
    }

    /** The files are on the gateways already. */
    async function theirs(run: number): Promise<number> {
      const [settings, rules] = [path.join(folder, 'policy.conf'), path.join(folder, 'policy.nft')];
      writeFileSync(settings, sysctlLines(run));
      writeFileSync(rules, rulesByHand(run));
      const began = performance.now();
      await Promise.all(
        places.map(({ address }) =>
          servers.run(lab.names.control, address, ['/usr/sbin/sysctl', '-q', '-p', settings, '&&', '/usr/sbin/nft', '-f', rules]),
        ),
      );
      return performance.now() - began;
    }
  } finally {
    servers.close();
    await end();
    rmSync(folder, { recursive: true });
  }
}

function managementAddress(n: number): string {
  return `fd42:c7f1::${(256 + n).toString(16)}`;
}
