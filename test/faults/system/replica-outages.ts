import { setTimeout as delay } from 'node:timers/promises';
import { routes } from '../../../proto/http/routes.ts';
import type { Fleet } from './fleet.ts';
import type { ControllerName, Release } from './parts.ts';
import type { Kind, KindName } from './outages.ts';

/** Longer than others wait before they take a controller for dead. */
const HANGS_MS = 8000;
const CUT_OFF_MS = 3000;
/** How long is looked whether a gateway is still shown as connected. */
const LOOKS_MS = 12_000;
const LOOK_MS = 250;

/**
 * A controller goes away, and it is looked at through the others for how long its gateways are shown as connected: as of a session from
 * before. Resolves when none is any more, or after a while.
 */
export async function goesAway(fleet: Fleet, name: ControllerName, strike: () => Promise<void>): Promise<void> {
  const held = new Set(await fleet.parts.heldBy(name));
  await strike();
  const goneMs = Date.now();
  while (held.size > 0 && Date.now() - goneMs < LOOKS_MS) {
    const atMs = Date.now();
    const answer = await fleet.operator.ask(routes.listGateways, { query: { limit: 500 } });
    if (answer.kind === 'ok') {
      const shown = answer.body.items.filter(({ state, since }) => state === 'online' && Date.parse(since) < goneMs).map(({ id }) => id);
      held.forEach((gatewayId) => {
        if (shown.includes(gatewayId)) fleet.sightings.push({ gatewayId, goneForMs: atMs - goneMs });
        else held.delete(gatewayId);
      });
    }
    await delay(LOOK_MS);
  }
}

function replica(name: ControllerName): Record<string, Kind> {
  const away = (signal: 'SIGKILL' | 'SIGSTOP') => (fleet: Fleet) => goesAway(fleet, name, () => fleet.parts.signal(name, signal));
  return {
    [`${name} killed`]: { part: name, share: 3, strike: away('SIGKILL'), mend: ({ parts }) => parts.restart(name), lastsMs: 0 },
    [`${name} stopped`]: {
      part: name,
      share: 2,
      strike: away('SIGSTOP'),
      mend: ({ parts }) => parts.signal(name, 'SIGCONT'),
      lastsMs: HANGS_MS,
    },
    [`${name} cut off`]: {
      part: name,
      share: 2,
      strike: async ({ parts }) => parts.proxy.leadTo(parts.proxy.targets.filter((port) => port !== parts.linkPort(name))),
      mend: async ({ parts }) => parts.proxy.leadTo([...parts.proxy.targets, parts.linkPort(name)]),
      lastsMs: CUT_OFF_MS,
    },
    [`${name} drained`]: {
      part: name,
      share: 3,
      strike: ({ parts }) => parts.signal(name, 'SIGTERM'),
      mend: ({ parts }) => parts.restart(name),
      lastsMs: 0,
    },
  };
}

export const REPLICAS = ['replica-1', 'replica-2', 'replica-3'] as const satisfies ControllerName[];

/** What is done to three replicas, each with all roles, by name. */
export const REPLICA_KINDS: Readonly<Record<string, Kind>> = Object.assign({}, ...REPLICAS.map(replica));
function replaced(name: ControllerName | 'agents', release: Release): Kind {
  return {
    part: name,
    share: 0,
    strike: async ({ parts }) => {
      await parts.signal(name, name === 'agents' ? 'SIGKILL' : 'SIGTERM');
      parts.runFrom(release, name);
    },
    mend: ({ parts }) => parts.restart(name),
    lastsMs: 0,
  };
}

/** One replica, or all agents, are started as of this release, or of the last one. */
export const RELEASE_KINDS: Readonly<Record<string, Kind>> = Object.fromEntries(
  ([...REPLICAS, 'agents'] as const).flatMap((name) => [
    [`${name} upgraded`, replaced(name, 'this')],
    [`${name} put back`, replaced(name, 'last')],
  ]),
);

/**
 * An upgrade from the last release that nobody would wish for: replicas of both meet agents of both, either one ends while only the other is
 * left, and some are put back once.
 */
export const UPGRADE: readonly KindName[] = [
  'replica-1 upgraded',
  'replica-2 killed',
  'replica-1 drained',
  'replica-3 stopped',
  'agents upgraded',
  'replica-1 killed',
  'replica-2 upgraded',
  'replica-3 drained',
  'replica-3 killed',
  'agents put back',
  'replica-2 stopped',
  'replica-1 put back',
  'replica-2 drained',
  'replica-1 killed',
  'agents upgraded',
  'replica-2 killed',
  'replica-1 upgraded',
  'replica-3 upgraded',
  'replica-3 killed',
  'replica-2 cut off',
];
/** One of each kind. */
export const SHORT_REPLICA_KINDS = ['replica-1 killed', 'replica-2 drained', 'replica-3 stopped', 'replica-1 cut off'];
