import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Wan } from '../../../agent/wans/wans.ts';
import { Lab } from '../../lab/lab.ts';
import { spawnIn } from '../../lab/namespace.ts';
import { SERVERS, SERVERS6 } from '../../lab/topology.ts';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const SCRIPT = fileURLToPath(new URL('../../support/watch-wans.ts', import.meta.url));
const why = Namespace.why();

/** A separate process in the gateway, because /sys shows the interfaces of the namespace that it was mounted in. */
class Watcher {
  #wans: Wan[] = [];
  readonly #child: ChildProcess;

  constructor(namespace: string, probes: Record<string, string> = {}) {
    this.#child = spawnIn(namespace, process.execPath, [SCRIPT, JSON.stringify(probes)], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#wans = JSON.parse(line) as Wan[];
    });
  }

  /** Resolves when wan1 is in this state. */
  async wan1(expected: Partial<Wan>, timeoutMs = 2_000): Promise<void> {
    await until(
      `wan1 is ${JSON.stringify(expected)}`,
      () => {
        const wan = this.#wans.find(({ name }) => name === 'wan1');
        return (wan !== undefined && Object.entries(expected).every(([key, value]) => wan[key as keyof Wan] === value)) || undefined;
      },
      timeoutMs,
    );
  }

  get wans(): Wan[] {
    return this.#wans;
  }

  async end(): Promise<void> {
    this.#child.stdin!.end();
    await once(this.#child, 'exit');
  }
}

describe.skipIf(why !== undefined)(`the watch on the WANs of a real gateway${why ? ` (skipped: ${why})` : ''}`, () => {
  const lab = new Lab({ prefix: `stale-w${process.pid}`, gateways: 1, nat: 'snat' });
  beforeAll(() => lab.up());
  afterAll(() => lab.down());

  test.each<[what: string, probes: Record<string, string>]>([
    ['their next hops', {}],
    ['servers behind them', { wan1: SERVERS[0]!, wan2: SERVERS[1]! }],
    ['IPv6 servers behind them', { wan1: SERVERS6[0]!, wan2: SERVERS6[1]! }],
  ])('sees each kind of failure within two seconds, and its end, by probing %s', async (_what, probes) => {
    const watcher = new Watcher(lab.names.gateway(1), probes);
    try {
      await watcher.wan1({ isUp: true, carriesDefaultRoute: true, isAnswering: true }, 10_000);
      lab.failWan(1, 1, 'metric');
      await watcher.wan1({ isUp: true, carriesDefaultRoute: false, isAnswering: true });
      lab.healWan(1, 1);
      await watcher.wan1({ carriesDefaultRoute: true });
      lab.failWan(1, 1, 'silent');
      await watcher.wan1({ isUp: true, carriesDefaultRoute: true, isAnswering: false });
      lab.healWan(1, 1);
      await watcher.wan1({ isAnswering: true });
      lab.failWan(1, 1, 'admin');
      await watcher.wan1({ isUp: false, carriesDefaultRoute: false, isAnswering: false });
      lab.healWan(1, 1);
      await watcher.wan1({ isUp: true, carriesDefaultRoute: true, isAnswering: true }, 5_000);
      lab.failWan(1, 1, 'carrier');
      await watcher.wan1({ isUp: false, carriesDefaultRoute: true, isAnswering: false });
      lab.healWan(1, 1);
      await watcher.wan1({ isUp: true, isAnswering: true }, 5_000);
    } finally {
      await watcher.end();
    }
  });

  test('never takes a WAN for dead if its target has never answered', async () => {
    const watcher = new Watcher(lab.names.gateway(1), { wan1: '198.51.100.66' });
    try {
      await until('wan2 answers', () => watcher.wans.find(({ name }) => name === 'wan2')?.isAnswering, 10_000);
      lab.failWan(1, 2, 'silent');
      await until('wan2 has fallen silent', () => watcher.wans.find(({ name }) => name === 'wan2')?.isAnswering === false || undefined);
      expect(watcher.wans.find(({ name }) => name === 'wan1')!.isAnswering).toBeUndefined();
    } finally {
      lab.healWan(1, 2);
      await watcher.end();
    }
  });
});
