import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FlushesService } from '../flushes/flushes.service.ts';
import type { GatewaysService } from '../gateways/gateways.service.ts';
import type { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { RunsService } from '../remediations/runs.service.ts';
import { FleetEventsService } from './fleet-events.service.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** A listener of a fleet of one gateway; whether the database can be read is in the test's hands. */
async function listening({ canRead = true } = {}) {
  const database = { canRead };
  const read = async <T>(rows: T[]): Promise<T[]> => {
    if (!database.canRead) throw new Error('away');
    return rows;
  };
  const told: string[] = [];
  const heard = new Map<string, (id: string) => void>();
  const missed = new Set<() => void>();
  const notifications = {
    on: (kind: { name: string }, listener: (id: string) => void, miss: () => void) => {
      heard.set(kind.name, listener);
      missed.add(miss);
      return () => (heard.delete(kind.name), missed.delete(miss));
    },
  } as unknown as ReplicaNotifications;
  const closers: (() => void)[] = [];
  const gateway = { id: 'g', state: 'online' };
  await new FleetEventsService(
    { list: async () => ({ items: await read([gateway]) }), getMany: () => read([gateway]) } as unknown as GatewaysService,
    { briefly: (_: string, ids: string[]) => read(ids.map((flushId) => ({ flushId }))) } as unknown as FlushesService,
    { briefly: (_: string, ids: string[]) => read(ids.map((runId) => ({ runId }))) } as unknown as RunsService,
    notifications,
    Date.now,
  ).watch('all', {
    send: (event) => void told.push((event as { kind: string }).kind),
    onClose: (closer) => void closers.push(closer),
    close: () => {
      told.push('end');
      closers.splice(0).forEach((closer) => closer());
    },
  });
  const notify = (kind: string): void => heard.get(kind)?.('1');
  return { database, told, notify, miss: () => [...missed].slice(0, 1).forEach((miss) => miss()) };
}

it('sends the whole fleet, then what changes, each kind once a second', async () => {
  const { told, notify } = await listening();
  notify('flush');
  notify('flush');
  notify('remediation-run');
  notify('gateway');
  await vi.advanceTimersByTimeAsync(1000);
  expect(told).toEqual(['gateway', 'heartbeat', 'gateway', 'flush', 'remediation-run']);
  await vi.advanceTimersByTimeAsync(5000);
  expect(told.length).toBe(5);
});

it('ends where notifications may have been missed, since nobody knows which', async () => {
  const { told, notify, miss } = await listening();
  miss();
  notify('remediation-run');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([told, vi.getTimerCount()]).toEqual([['gateway', 'heartbeat', 'end'], 0]);
});

it('sends a change that could not be read once it can be', async () => {
  const { database, told, notify } = await listening();
  database.canRead = false;
  notify('remediation-run');
  await vi.advanceTimersByTimeAsync(3000);
  expect(told.length).toBe(2);
  database.canRead = true;
  await vi.advanceTimersByTimeAsync(1000);
  expect(told.slice(2)).toEqual(['remediation-run']);
});

it('ends when the fleet cannot be read at its beginning', async () => {
  const { told } = await listening({ canRead: false });
  expect([told, vi.getTimerCount()]).toEqual([['end'], 0]);
});
