import { formatDuration } from '../../../proto/model/duration.ts';
import { rulePath } from '../../../proto/model/policy/effective.ts';
import type { EffectKind, PolicyEffect } from '../../../proto/model/policy/effects.ts';
import type { Beyond } from './over-limits.ts';
import type { Shorter } from './shorter-timeouts.ts';
import type { StopCause } from './stops.ts';

/** Addresses that one sentence names. */
const MAX_NAMED = 3;

type Over = Omit<Beyond, 'path' | 'row'> & { address: string };
interface Tally {
  kind: EffectKind;
  path: string;
  flows: number;
  /** Causes of stops, or helpers. */
  of: Set<string>;
  over: Over[];
  shorter?: Shorter;
  /** Flows that were idle for longer than they would be allowed. */
  isLate: number;
}

const STOPPED: Readonly<Record<StopCause, string>> = {
  denied: 'It denies them: their packets are dropped from then on, both ways.',
  unseen: 'It becomes strict, and not every packet of them was seen. They end when the policy is confirmed.',
  unbegun: 'It becomes strict, and they did not begin with a request. They end when the policy is confirmed.',
};

/** Counts effects, and says why. */
export class EffectWords {
  readonly #tallies = new Map<string, Tally>();

  add(kind: EffectKind, path: string, of?: string): Tally {
    const key = `${kind} ${path}`;
    let tally = this.#tallies.get(key);
    if (!tally) this.#tallies.set(key, (tally = { kind, path, flows: 0, of: new Set(), over: [], isLate: 0 }));
    tally.flows++;
    if (of !== undefined) tally.of.add(of);
    return tally;
  }

  /** In the order of how much they are beyond. */
  addBeyond(path: string, over: Over): void {
    const tally = this.add('over-limit', path);
    tally.flows += over.flows - 1;
    tally.over.push(over);
  }

  addShorter(shorter: Shorter, isLate: boolean): void {
    const tally = this.add('timeout-shortens', shorter.path);
    if (!tally.shorter || shorter.to < tally.shorter.to) tally.shorter = shorter;
    if (isLate) tally.isLate++;
  }

  effects(): PolicyEffect[] {
    return [...this.#tallies.values()].map((tally) => ({ kind: tally.kind, path: tally.path, flows: tally.flows, why: whyOf(tally) }));
  }
}

function whyOf({ kind, path, of, over, shorter, isLate }: Tally): string {
  switch (kind) {
    case 'stopped':
      return [...of].map((cause) => STOPPED[cause as StopCause]).join(' ');
    case 'over-limit': {
      const named = over.slice(0, MAX_NAMED).map(({ address, limit, flows }) => `${address} has ${limit + flows}`);
      const more = over.length > MAX_NAMED ? ` and ${over.length - MAX_NAMED} more have too many` : '';
      const limits = [...new Set(over.map(({ side, limit }) => `${limit} per ${side}`))].join(' and ');
      return (
        `It allows ${limits}: ${named.join(', ')}${more}. They stay; a new limit counts what begins from then on, so that an address ` +
        'may have as many again at first.'
      );
    }
    case 'loses-tracking':
      return 'It switches tracking off: their next packets have no entry, are not translated and belong to no connection.';
    case 'loses-helper':
      return `Of ${[...of].toSorted().join(' and ')}: those that are there keep it until they end, and new ones do not get it.`;
    case 'timeout-shortens': {
      const { from, to } = shorter!;
      const late = isLate > 0 ? ` ${isLate} of them were idle for longer than that, and end at the time of before unless they speak.` : '';
      const whom = path.startsWith(rulePath('')) ? ' for those that began under this rule' : '';
      return `${formatDuration(to)} instead of ${formatDuration(from)}${whom}, from their next packet on.${late}`;
    }
  }
}
