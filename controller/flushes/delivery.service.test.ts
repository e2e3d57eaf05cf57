import { expect, it } from 'vitest';
import type { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { Sessions } from '../link/sessions.service.ts';
import type { Session } from '../link/session.ts';
import type { Database } from '../platform/database.ts';
import type { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { CommandsRepository } from './commands.repository.ts';
import { DeliveryService } from './delivery.service.ts';
import type { FlushesRepository } from './flushes.repository.ts';

it('a gateway whose look-up fails does not block the commands of others, and the failure is reported', async () => {
  const sessions = new Sessions();
  sessions.add({ identity: { gatewayId: 'here', tenantId: 't' }, epoch: 1n, isClosed: false } as unknown as Session);
  const asked: string[][] = [];
  const passedOn: string[] = [];
  const commands = { unfinished: async (_: unknown, ids: string[]) => (asked.push(ids), []) } as unknown as CommandsRepository;
  const gateways = {
    find: async (_: unknown, id: string) => {
      if (id === 'broken') throw new Error('no answer');
      passedOn.push(id);
      return undefined;
    },
  } as unknown as GatewaysRepository;
  const database = { transact: async (_: unknown, work: (t: unknown) => Promise<unknown>) => work({}) } as unknown as Database;
  const delivery = new DeliveryService(
    commands,
    {} as FlushesRepository,
    gateways,
    sessions,
    {} as ReplicaNotifications,
    database,
    () => 0,
  );
  await expect(delivery.deliverAnywhere(['broken', 'here', 'elsewhere'])).rejects.toThrow('no answer');
  expect([asked, passedOn]).toEqual([[['here']], ['elsewhere']]);
});
