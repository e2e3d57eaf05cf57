import type { FlowKey } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { exchange, findBodies, inBatches, withTable } from './exchange.ts';
import type { ExpireOutcome } from '../table.ts';
import { CT_NEW } from '../wire/constants.ts';
import { decodeEntry, type Entry } from '../wire/entry.ts';
import { encodeExpire } from '../wire/requests.ts';

const EBUSY = 16;

/** A reply may set SEEN_REPLY or ASSURED between our lookup and our request, which then fails with EBUSY. */
const ATTEMPTS = 3;

/**
 * Fixes the remaining time of exactly these entries, and checks the result. The kernel does not compare ids when an entry is changed: a
 * flow that takes over the tuple in the microseconds between lookup and change would get the timeout instead, and ours is `gone`. A timeout
 * that is already fixed cannot be changed, and a packet at that very moment may cause the full timeout to be fixed: both are `failed`.
 */
export function expireEntries(keys: readonly FlowKey[], seconds: number): ExpireOutcome[] {
  let places = keys.map((_, place) => place);
  for (let attempt = 0; attempt < ATTEMPTS && places.length > 0; attempt++) {
    const found = entriesOf(keys, places);
    const wanted = places.flatMap((place, index) => {
      const entry = found[index];
      return entry && !(entry.status & IPS.FIXED_TIMEOUT) ? [{ place, body: encodeExpire(keys[place]!, entry.status, seconds) }] : [];
    });
    places = [];
    withTable((socket) =>
      inBatches(wanted, (batch) => {
        const { replies } = exchange(
          socket,
          CT_NEW,
          batch.map(({ body }) => body),
          'last',
        );
        places.push(...batch.filter((_, index) => replies[index]?.errno === EBUSY).map(({ place }) => place));
        return [];
      }),
    );
  }
  return entriesOf(
    keys,
    keys.map((_, place) => place),
  ).map((entry) => {
    if (!entry) return 'gone';
    return entry.status & IPS.FIXED_TIMEOUT && entry.timeoutSeconds !== undefined && entry.timeoutSeconds <= seconds
      ? 'expiring'
      : 'failed';
  });
}

/** The entries at these places of the list; undefined if the tuple is free or belongs to another entry now. */
function entriesOf(keys: readonly FlowKey[], places: readonly number[]): (Entry | undefined)[] {
  return findBodies(places.map((place) => keys[place]!)).map((body, index) => {
    const entry = body && decodeEntry(body);
    return entry?.id === keys[places[index]!]!.id ? entry : undefined;
  });
}
