import type { z } from 'zod';
import type { Seen } from '../../controller/fleet/fleet-state.ts';
import { isAt, listOf, neighboursOf, type Narrowed } from '../../controller/fleet/gateway-list.ts';
import { memberOf } from '../../controller/fleet/member.ts';
import { inOrder } from '../../controller/fleet/order.ts';
import { overviewOf } from '../../controller/fleet/overview.ts';
import type { fleetEvent, Gateway, listGateways, watchFleet } from '../../proto/http/fleet.ts';
import { changeBetween } from '../../proto/http/overview-change.ts';
import type { Overview } from '../../proto/http/overview.ts';

type Unreadable = { id: string; reason: string }[];

/** The gateways as they are now, listed and summed by the controller's own code. */
export class FixtureOverview {
  readonly #gateways: Gateway[];
  readonly #api: { unreadable: Unreadable; isOld: boolean };

  constructor(gateways: Gateway[], api: { unreadable: Unreadable; isOld: boolean }) {
    this.#gateways = gateways;
    this.#api = api;
  }

  list(query: z.output<typeof listGateways.query>) {
    return { ...listOf(this.#seen(), query), ...this.#rest() };
  }

  neighbours(id: string, place: Narrowed) {
    return neighboursOf(this.#seen(), id, place);
  }

  overview(place: Narrowed): Overview {
    return { ...overviewOf([...this.#seen()].filter((member) => isAt(member, place))), ...this.#rest() };
  }

  /** What a stream sends, each time that it is asked: the state at first, then what has changed. */
  watch(asked: z.output<typeof watchFleet.query>): () => z.output<typeof fleetEvent>[] {
    let told: Overview | undefined;
    const gateways = new Map<string, string>();
    return () => {
      const events: z.output<typeof fleetEvent>[] = [];
      for (const gateway of this.#gateways.filter(({ id }) => asked.ids?.includes(id))) {
        const text = JSON.stringify(gateway);
        if (gateways.get(gateway.id) !== text) events.push({ kind: 'gateway', gateway });
        gateways.set(gateway.id, text);
      }
      if (asked.watch) {
        const now = this.overview(asked);
        events.push({ kind: 'overview', ...changeBetween(told, now) });
        told = now;
      }
      return events;
    };
  }

  #rest() {
    const { unreadable, isOld } = this.#api;
    return { asOf: new Date().toISOString(), isOld, ...(unreadable.length > 0 && { unreadable }) };
  }

  #seen(): Seen {
    // Tests change gateways in place; the controller never does.
    const members = this.#gateways.map((gateway) => memberOf(structuredClone(gateway)));
    return {
      [Symbol.iterator]: () => members.values(),
      get: (id) => members.find((member) => member.id === id),
      ordered: (order) => members.toSorted(inOrder(order)),
    };
  }
}
