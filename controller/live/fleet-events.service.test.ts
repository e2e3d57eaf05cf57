import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Overview } from '../../proto/http/overview.ts';
import { noFigures } from '../../proto/model/fleet-figures.ts';
import type { FleetService } from '../fleet/fleet.service.ts';
import type { AlertsService } from '../alerts/alerts.service.ts';
import type { FlushesService } from '../flushes/flushes.service.ts';
import type { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { RunsService } from '../remediations/runs.service.ts';
import { FleetEventsService } from './fleet-events.service.ts';
import type { Event } from './listener.ts';
import { WorkEventsService } from './work-events.service.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** A fleet in the test's hands, and whether the database can be read. */
function stage() {
  const database = { canRead: true, reads: 0 };
  const read = async <T>(rows: T[]): Promise<T[]> => {
    database.reads += 1;
    if (!database.canRead) throw new Error('away');
    return rows;
  };
  const heard = new Map<string, (id: string) => void>();
  const missed = new Set<() => void>();
  const notifications = {
    on: (kind: { name: string }, listener: (id: string) => void, miss: () => void) => {
      heard.set(kind.name, listener);
      missed.add(miss);
      return () => (heard.delete(kind.name), missed.delete(miss));
    },
  } as unknown as ReplicaNotifications;
  const fleet = { canServe: true, gateway: { id: 'g' }, flows: 1 };
  const work = new WorkEventsService(
    { briefly: (_: string, ids: string[]) => read(ids.map((flushId) => ({ flushId }))) } as unknown as FlushesService,
    { briefly: (_: string, ids: string[]) => read(ids.map((runId) => ({ runId }))) } as unknown as RunsService,
    { briefly: (_: string, ids: string[]) => read(ids.map((alertId) => ({ alertId }))) } as unknown as AlertsService,
    notifications,
  );
  const serve = <T>(value: T): Promise<T> => (fleet.canServe ? Promise.resolve(value) : Promise.reject(new Error('not read yet')));
  const overview = (): Omit<Overview, 'asOf'> => ({
    isOld: false,
    figures: { ...noFigures(), flows: fleet.flows },
    rows: [],
    tenants: [],
    otherTenants: 0,
  });
  const events = new FleetEventsService(
    {
      finder: () => serve((id: string) => (id === 'g' ? fleet.gateway : undefined)),
      overview: () => serve({ asOf: new Date().toISOString(), ...overview() }),
    } as unknown as FleetService,
    work,
    Date.now,
  );
  const listen = async (asked: Parameters<typeof events.watch>[1]) => {
    const told: Event[] = [];
    const closers: (() => void)[] = [];
    let isEnded = false;
    await events.watch('all', asked, {
      send: (event) => void told.push(event),
      onClose: (closer) => void (isEnded ? closer() : closers.push(closer)),
      close: () => {
        isEnded = true;
        closers.splice(0).forEach((closer) => closer());
      },
    });
    return { told, kinds: () => told.map(({ kind }) => kind), isEnded: () => isEnded };
  };
  return { database, fleet, listen, notify: (kind: string) => heard.get(kind)?.('1'), miss: () => [...missed].forEach((miss) => miss()) };
}

it('sends the state of what was asked for, then what changes of it, at most once a second', async () => {
  const { listen, fleet } = stage();
  const { told, kinds } = await listen({ ids: ['g'], watch: 'overview' });
  expect(kinds()).toEqual(['gateway', 'overview', 'heartbeat']);
  await vi.advanceTimersByTimeAsync(5000);
  expect(told).toHaveLength(3);
  for (fleet.flows = 2; fleet.flows < 30; fleet.flows++) {
    fleet.gateway = { id: 'g' };
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(kinds().filter((kind) => kind === 'overview').length).toBeLessThanOrEqual(4);
  expect(told.at(-1)).toEqual({ kind: 'overview', asOf: expect.any(String), isOld: false, figures: expect.anything() });
});

it('sends no gateway to a listener that asked for none', async () => {
  const { listen, fleet } = stage();
  const { kinds } = await listen({});
  fleet.gateway = { id: 'g' };
  await vi.advanceTimersByTimeAsync(5000);
  expect(kinds()).toEqual(['heartbeat']);
});

it('sends changes of flushes and runs, each once a second, read once for all listeners of the same tenants', async () => {
  const { listen, notify, database } = stage();
  const listeners = [await listen({}), await listen({}), await listen({})];
  notify('flush');
  notify('flush');
  notify('remediation-run');
  await vi.advanceTimersByTimeAsync(1000);
  for (const { kinds } of listeners) expect(kinds()).toEqual(['heartbeat', 'flush', 'remediation-run']);
  expect(database.reads).toBe(2);
});

it('sends a change that could not be read once it can be', async () => {
  const { listen, notify, database } = stage();
  const { kinds } = await listen({});
  database.canRead = false;
  notify('remediation-run');
  await vi.advanceTimersByTimeAsync(3000);
  expect(kinds()).toEqual(['heartbeat']);
  database.canRead = true;
  await vi.advanceTimersByTimeAsync(1000);
  expect(kinds()).toEqual(['heartbeat', 'remediation-run']);
});

it('ends where notifications may have been missed, since nobody knows which', async () => {
  const { listen, miss } = stage();
  const { isEnded } = await listen({ watch: 'overview' });
  miss();
  expect([isEnded(), vi.getTimerCount()]).toEqual([true, 0]);
});

it('ends when the fleet cannot be served at its beginning', async () => {
  const { listen, fleet } = stage();
  fleet.canServe = false;
  const { isEnded, told } = await listen({ watch: 'overview' });
  expect([told, isEnded(), vi.getTimerCount()]).toEqual([[], true, 0]);
});
