import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRecords } from '../../agent/operations/journal.ts';
import { routes } from '../../proto/http/routes.ts';
import { IPS } from '../../proto/model/status.ts';
import { createEntries } from '../support/create-entries.ts';
import { runIn } from '../lab/namespace.ts';
import { enterNamespace } from '../support/namespace.ts';
import { entryOf } from '../support/sample-entries.ts';
import { startTestSystem, until } from '../support/system.ts';

/** Each namespace is held to the machine's one maximum by its own count alone, so that nothing else notices that one is full. */
const MAX = Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'));
/** Finished connections: what emergency relief may take. */
const OVER = Math.floor(MAX / 50);
const LIVE = 'state:established src:10.200.0.0/13';
let running: Awaited<ReturnType<typeof startTestSystem>>;

beforeAll(async () => {
  running = await startTestSystem({
    gateways: 1,
    withTraffic: false,
    controllerEnv: { CTFLEET_SAMPLE_INTERVAL_MS: '1000' },
    agentEnv: { CTFLEET_EMERGENCY: '1' },
  });
});
afterAll(() => running?.end());

/** Puts this many connections in one state into the gateway's table, after the first `skip` of their kind. */
function fill(state: 'ESTABLISHED' | 'TIME_WAIT', count: number, firstHost: number, skip = 0): void {
  const leave = enterNamespace(running.system.lab!.names.gateway(1));
  try {
    createEntries(
      (function* () {
        for (let n = skip; n < skip + count; n++) {
          const host = firstHost + Math.floor(n / 60_000);
          yield entryOf({
            proto: 6,
            orig: { src: `10.${host}.0.1`, dst: '198.51.100.10', sport: 1024 + (n % 60_000), dport: 443 },
            state,
            status: IPS.SEEN_REPLY | IPS.ASSURED,
            timeoutSeconds: state === 'TIME_WAIT' ? 600 : 400_000,
          });
        }
      })(),
    );
  } finally {
    leave();
  }
}

async function live(): Promise<{ total: number; answered: boolean }> {
  const { total, gateways } = await running.system.api.call(routes.searchFlows, { body: { filter: LIVE, limit: 0 } });
  return { total, answered: gateways.every(({ state }) => state === 'answered') };
}

it(
  'F14: a full table keeps the existing channel, and admits a new one by losing finished connections, never live ones',
  { timeout: 180_000 },
  async () => {
    const { system, stateDir } = running;
    const lab = system.lab!;
    fill('TIME_WAIT', OVER, 190);
    let wanted = 0;
    // While the table is being filled, an entry that was there before may expire.
    for (let room = MAX - lab.count(1); room > 0; room = MAX - lab.count(1)) {
      fill('ESTABLISHED', room, 200, wanted);
      wanted += room;
    }
    // Filling blocks the thread for longer than the controller keeps a quiet connection: its close has to be noticed first.
    await turnOfTheLoop();

    // On a busy machine the walk of a full table takes longer than a search waits.
    const kept = await until('the gateway answers', async () => {
      const now = await live();
      return now.answered ? now : undefined;
    });
    expect(kept.total).toBe(wanted);

    // What the old channel leaves behind would make room for the new one after ten seconds.
    runIn(lab.names.gateway(1), 'sysctl', ['-qw', 'net.netfilter.nf_conntrack_tcp_timeout_close=600']);
    const gone = new Promise((resolve) => system.controller.once('exit', resolve));
    system.controller.kill('SIGKILL');
    await gone;
    // What the agent dials in vain has an entry for a moment, and leaves room for the next.
    let [finished, fullLooks] = [OVER, 0];
    await until('the table stays full', async () => {
      const room = MAX - lab.count(1);
      fullLooks = room > 0 ? 0 : fullLooks + 1;
      if (room > 0) fill('TIME_WAIT', room, 190, finished);
      finished += Math.max(0, room);
      return fullLooks > 20 || undefined;
    });
    await system.restartController();
    const found = await until(
      'the gateway is there again',
      async () => {
        // The controller that answered on the preserved connection is gone.
        const now = await live().catch(() => undefined);
        return now?.answered ? now : undefined;
      },
      120_000,
    );
    expect(found.total).toBe(wanted);

    const file = path.join(stateDir, 'agents', system.placed[0]!.name, 'journal');
    // The connection is let in by what was deleted, before the deed is on the disk.
    const emergencies = await until('an emergency in the journal', async () => {
      const found = readRecords(readFileSync(file)).records.filter((record) => record.kind === 'emergency');
      return found.length > 0 ? found : undefined;
    });
    for (const { most } of emergencies) expect(most).toBeLessThanOrEqual(MAX / 20);
    const logged = path.join(stateDir, 'logs', `agent-${system.placed[0]!.name}.log`);
    await until('its sentence in the log', async () => readFileSync(logged, 'utf8').includes('the table is full') || undefined);
  },
);
