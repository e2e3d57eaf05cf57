import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import { formatAddress } from '../../proto/model/address.ts';
import { globMatches } from '../../proto/model/filter/evaluate.ts';
import type { WanState } from '../wans/health.ts';

/**
 * How often a firing is checked. `until-found`: at once, at each change and at growing intervals, until something is found, because routes
 * move after a failure, not with it. `while-it-holds`: repeatedly, as long as it lasts.
 */
export type Looks = 'once' | 'until-found' | 'while-it-holds';

/** What a trigger fires on: one failure of one WAN, one change of its address, one period of a full table. */
export interface Firing {
  /** The same firing has the same key at each observation. */
  key: string;
  /** In words: wan1 went down. */
  words: string;
  wan?: string;
  /** The address that the WAN had before a change; otherwise its newest, IPv4 before IPv6. */
  address?: string;
  sinceMs: number;
  looks: Looks;
  /** An increase means that the firing must be handled again. */
  steps: number;
  /** How often its WAN failed and recovered in the last hour. */
  changesAnHour: number;
}

/** A period in which the table is fuller than a trigger allows. */
export interface Pressure {
  sinceMs: number;
  percent: number;
}

/** How long flows of the old address are looked for after a change: the route may follow later than the address. */
const ADDRESS_MS = 120_000;
/** Share of the threshold below which the table is no longer full. */
const RELIEF = 0.9;

/** What the trigger fires on now. `pressure` is measured against the trigger's own threshold. */
export function firingsOf(
  trigger: RemediationDocument['trigger'],
  states: readonly WanState[],
  pressure: Pressure | undefined,
  nowMs: number,
): Firing[] {
  switch (trigger.kind) {
    case 'wan-down':
      return ofWans(trigger.wan, states, ({ failure }) => failure && { ...failure, looks: 'until-found' });
    case 'wan-up':
      return ofWans(trigger.wan, states, ({ cameUp }) => cameUp && { ...cameUp, looks: 'once' });
    case 'address-change':
      return ofWans(trigger.wan, states, ({ moved }) =>
        moved && nowMs - moved.atMs < ADDRESS_MS ? { ...moved, sinceMs: moved.atMs, looks: 'until-found' } : undefined,
      );
    case 'table-usage':
      return pressure
        ? [
            {
              key: `${trigger.kind} ${pressure.sinceMs}`,
              words: `the table is ${pressure.percent.toFixed(0)} % full`,
              sinceMs: pressure.sinceMs,
              looks: 'while-it-holds',
              steps: 1,
              changesAnHour: 0,
            },
          ]
        : [];
    default:
      return [];
  }
}

/** The pressure after one more count. It ends at nine tenths of the threshold, so that it does not flap with every flow. */
export function pressureOf(before: Pressure | undefined, percent: number, abovePercent: number, atMs: number): Pressure | undefined {
  const isHigh = percent >= (before ? abovePercent * RELIEF : abovePercent);
  return isHigh ? { sinceMs: before?.sinceMs ?? atMs, percent } : undefined;
}

type About = Pick<Firing, 'words' | 'sinceMs' | 'looks'> & Partial<Pick<Firing, 'address' | 'steps'>>;

function ofWans(glob: string, states: readonly WanState[], about: (state: WanState) => About | undefined): Firing[] {
  return states.flatMap((state) => {
    const {
      wan: { name, addresses },
      changesMs,
    } = state;
    const [newest] = [...addresses].sort((a, b) => a.length - b.length);
    const found = globMatches(glob, name) ? about(state) : undefined;
    if (!found) return [];
    const { words, sinceMs, looks, address = newest && formatAddress(newest), steps = 1 } = found;
    return [{ key: `${name} ${words} ${sinceMs}`, words, wan: name, address, sinceMs, looks, steps, changesAnHour: changesMs.length }];
  });
}
