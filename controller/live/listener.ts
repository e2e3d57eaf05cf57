import type { z } from 'zod';
import type { fleetEvent } from '../../proto/http/fleet.ts';

export type Event = z.output<typeof fleetEvent>;

/** A receiver of events: a stream that may end, or be ended so that its reader begins again. */
export interface Listener {
  send(event: Event): void;
  onClose(closer: () => void): void;
  close(): void;
}
