import type { Gateway } from '../../proto/http/fleet.ts';
import type { Event } from './listener.ts';

/** What a listener was last told of the gateways that it asked for. */
export class WatchedGateways {
  readonly #ids: readonly string[];
  readonly #told = new Map<string, Gateway | undefined>();

  constructor(ids: Iterable<string>) {
    this.#ids = [...new Set(ids)];
  }

  /** What is to be told now: the state of each at first, then only what has changed. */
  events(find: (id: string) => Gateway | undefined): Event[] {
    return this.#ids.flatMap((id): Event[] => {
      const gateway = find(id);
      if (this.#told.has(id) && this.#told.get(id) === gateway) return [];
      this.#told.set(id, gateway);
      return [gateway ? { kind: 'gateway', gateway } : { kind: 'gateway-gone', gatewayId: id }];
    });
  }
}
