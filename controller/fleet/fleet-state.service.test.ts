import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { idOf, LIVES, reading } from '../../test/support/gateway-reading.ts';
import { toGatewayView, type GatewayReading } from '../gateways/gateway-view.ts';
import type { GatewaysService } from '../gateways/gateways.service.ts';
import { SILENCE_MS } from '../link/session.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logger.ts';
import type { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { FleetStateService } from './fleet-state.service.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** A Postgres of gateways that tells its replicas what changes, and may go away. */
function stage() {
  const rows = new Map<string, GatewayReading>();
  const postgres = { isAway: false, isListening: true, reads: 0, running: 0, most: 0 };
  const read = async (wanted: GatewayReading[]): Promise<GatewayReading[]> => {
    postgres.reads += 1;
    postgres.most = Math.max(postgres.most, ++postgres.running);
    const seen = structuredClone(wanted);
    await new Promise((resolve) => setTimeout(resolve, 5));
    postgres.running -= 1;
    if (postgres.isAway) throw new Error('away');
    return seen;
  };
  let heard: (id: string) => void = () => undefined;
  let missed = (): void => undefined;
  const service = new FleetStateService(
    {
      readPage: (after: string | undefined, limit: number) =>
        read(
          [...rows.values()]
            .filter(({ row }) => row.id > (after ?? ''))
            .toSorted((a, b) => (a.row.id < b.row.id ? -1 : 1))
            .slice(0, limit),
        ),
      readSome: (ids: string[]) => read(ids.flatMap((id) => rows.get(id) ?? [])),
    } as unknown as GatewaysService,
    {
      get isListening() {
        return postgres.isListening;
      },
      on: (_: unknown, onHeard: typeof heard, onMissed: typeof missed) => {
        [heard, missed] = [onHeard, onMissed];
        return () => undefined;
      },
    } as unknown as ReplicaNotifications,
    { ...LIVES, roles: ['api'] } as unknown as Config,
    { warn: () => undefined, info: () => undefined } as unknown as Logger,
    Date.now,
  );
  service.onApplicationBootstrap();
  return {
    service,
    rows,
    postgres,
    /** Stores a gateway, and tells of it unless nobody listens. */
    store: (one: GatewayReading): void => {
      rows.set(one.row.id, one);
      if (postgres.isListening) heard(one.row.id);
    },
    remove: (id: string): void => {
      rows.delete(id);
      if (postgres.isListening) heard(id);
    },
    listenAgain: (): void => {
      if (postgres.isListening) return;
      postgres.isListening = true;
      missed();
    },
    shown: async () => [...(await service.seenBy('all'))].map(({ gateway }) => gateway).toSorted((a, b) => (a!.id < b!.id ? -1 : 1)),
    /** As one reading of everything would show it. */
    fresh: () =>
      [...rows.values()]
        .toSorted((a, b) => (a.row.id < b.row.id ? -1 : 1))
        .map(({ row, usage }) => toGatewayView(row, usage, LIVES, Date.parse(service.freshness().asOf))),
  };
}

it('reads everything once, then what notices name, together', async () => {
  const { service, postgres, store, shown } = stage();
  await vi.advanceTimersByTimeAsync(300);
  const began = postgres.reads;
  for (let number = 1; number <= 40; number++) store(reading(number, { heardAtMs: Date.now() }));
  await vi.advanceTimersByTimeAsync(300);
  expect([postgres.reads - began, (await shown()).length, service.freshness().isOld]).toEqual([1, 40, false]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(postgres.reads - began).toBe(1);
});

it('is read by nobody who looks', async () => {
  const { service, postgres, store } = stage();
  store(reading(1));
  await vi.advanceTimersByTimeAsync(600);
  const before = postgres.reads;
  for (let look = 0; look < 1000; look++) (await service.seenBy('all')).get(idOf(1));
  expect(postgres.reads).toBe(before);
});

it('shows the last that was known, marked and not yet silent, while Postgres is away', async () => {
  const { service, postgres, store, shown } = stage();
  store(reading(1, { heardAtMs: Date.now() }));
  await vi.advanceTimersByTimeAsync(600);
  postgres.isAway = true;
  postgres.isListening = false;
  await vi.advanceTimersByTimeAsync(120_000);
  expect([(await shown()).map((gateway) => gateway!.state), service.freshness().isOld]).toEqual([['online'], true]);
  expect(Date.parse(service.freshness().asOf)).toBeLessThan(1000);
});

it('what was missed is read in the background, and marked until then', async () => {
  const { service, postgres, store, listenAgain, shown } = stage();
  store(reading(1));
  await vi.advanceTimersByTimeAsync(600);
  postgres.isListening = false;
  store(reading(2));
  await vi.advanceTimersByTimeAsync(600);
  expect([(await shown()).length, service.freshness().isOld]).toEqual([1, true]);
  listenAgain();
  expect(service.freshness().isOld).toBe(true);
  await vi.advanceTimersByTimeAsync(600);
  expect([(await shown()).length, service.freshness().isOld]).toEqual([2, false]);
});

it('what disappeared while nobody listened is forgotten', async () => {
  const { postgres, store, remove, listenAgain, shown } = stage();
  store(reading(1, { closedAtMs: 0 }));
  await vi.advanceTimersByTimeAsync(600);
  postgres.isListening = false;
  remove(idOf(1));
  listenAgain();
  await vi.advanceTimersByTimeAsync(600);
  expect(await shown()).toEqual([]);
});

it('a caller waits for the first reading, and is told when there is none', async () => {
  const { service, postgres } = stage();
  postgres.isListening = false;
  const asked = service.seenBy('all').catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(await asked).toMatch('being read');
});

it('equals a fresh reading after any interleaving of changes, misses, outages and time', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('store' as const), number: fc.integer({ min: 1, max: 6 }), tenant: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('beat' as const), number: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('close' as const), number: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('remove' as const), number: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constantFrom('deaf' as const, 'listen' as const, 'away' as const, 'back' as const) }),
    // As outages come: silence first, then what fails, then notices again before readings work.
    fc.record({ kind: fc.constant('outage' as const), number: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 7, 100, 300, 2000, 36_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      vi.setSystemTime(0);
      const { service, rows, postgres, store, remove, listenAgain, shown, fresh } = stage();
      await vi.advanceTimersByTimeAsync(300);
      for (const one of steps) {
        if (one.kind === 'store') store(reading(one.number, { tenant: one.tenant, heardAtMs: Date.now(), usage: { count: Date.now() } }));
        else if (one.kind === 'close' && rows.has(idOf(one.number))) store(reading(one.number, { closedAtMs: Date.now() }));
        else if (one.kind === 'remove') remove(idOf(one.number));
        else if (one.kind === 'beat') beat(rows.get(idOf(one.number)));
        else if (one.kind === 'deaf') postgres.isListening = false;
        else if (one.kind === 'listen') listenAgain();
        else if (one.kind === 'away') postgres.isAway = true;
        else if (one.kind === 'back') postgres.isAway = false;
        else if (one.kind === 'outage') {
          postgres.isListening = false;
          store(reading(one.number, { tenant: 2 }));
          remove(idOf(one.number + 1));
          postgres.isAway = true;
          listenAgain();
          await vi.advanceTimersByTimeAsync(600);
        } else if (one.kind === 'wait') await vi.advanceTimersByTimeAsync(one.ms);
      }
      postgres.isAway = false;
      listenAgain();
      await vi.advanceTimersByTimeAsync(20_000);
      expect(service.freshness().isOld).toBe(false);
      expect(postgres.most).toBe(1);
      expect(await shown()).toEqual(fresh());
      await service.onModuleDestroy();
    }),
    { numRuns: 500 },
  );
});

/** A heartbeat is stored without a notice; one after the session counts as silent comes with a new session, which has one. */
function beat(one: GatewayReading | undefined): void {
  const heard = one?.row.link?.lastHeardAt;
  if (heard && Date.now() - heard.getTime() <= SILENCE_MS) heard.setTime(Date.now());
}
