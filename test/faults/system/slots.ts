import type { NewEntry } from '../../../agent/conntrack/wire/requests.ts';
import { entryOf } from '../../support/sample-entries.ts';

/** Flows of one slot that a plan ends; each slot belongs to one plan. */
export const FLOWS_OF_SLOT = 5;
const FIRST_PORT = 20_000;

/** Finds a slot on every gateway, including a flow that the gateway's owner protects. */
export function slotFilter(slot: number): string {
  return `dport:${FIRST_PORT + slot}`;
}

/** What the guard of each gateway protects. */
export const KEPT_FILTER = 'proto:tcp';

function networkOf(gateway: number): string {
  return `${10 + (gateway >> 8)}.${gateway & 255}`;
}

/** The table of a gateway before anything happened; no flow in it ends by itself. */
export function* slotFlows(gateway: number, slots: number): Generator<NewEntry> {
  for (let slot = 0; slot < slots; slot++) {
    for (let n = 1; n <= FLOWS_OF_SLOT; n++)
      yield entryOf({
        proto: 17,
        orig: { src: `${networkOf(gateway)}.${slot >> 8}.${n}`, dst: '198.51.100.10', sport: 5060, dport: FIRST_PORT + slot },
        timeoutSeconds: undefined,
      });
    yield entryOf({
      proto: 6,
      orig: { src: `${networkOf(gateway)}.9.9`, dst: '198.51.100.10', sport: 5061, dport: FIRST_PORT + slot },
      state: 'ESTABLISHED',
      timeoutSeconds: undefined,
    });
  }
}
