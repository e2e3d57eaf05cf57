import type { FlowKey } from '../../../proto/model/flow.ts';
import { readDump } from '../../netlink/dump.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { Columns } from '../rows/columns.ts';
import { exchange, findEntry, inBatches, withTable } from './exchange.ts';
import type { DeleteOutcome, Expectation } from '../table.ts';
import { tableError, walkInto } from './dump.ts';
import { EXP_DELETE, EXP_GET } from '../wire/constants.ts';
import { decodeExpectation, encodeExpectationDump, encodeExpectationKey } from '../wire/expectation.ts';

const ENOENT = 2;

/** All expectations of helpers, or only those of one flow. Throws CAPABILITY_MISSING without CAP_NET_ADMIN. */
export function listExpectations(master?: FlowKey): Expectation[] {
  if (!master) return withZones(dump());
  return findEntry(master)?.id === master.id ? dump(master).map((one) => inZone(one, master.zone)) : [];
}

/** Deletes exactly these. One for which the kernel gave no answer counts as failed, although it may be gone. */
export function deleteExpectations(keys: readonly FlowKey[]): DeleteOutcome[] {
  return errnos(EXP_DELETE, keys).map((errno) => {
    if (errno === 0) return 'deleted';
    return errno === ENOENT ? 'gone' : 'failed';
  });
}

function dump(master?: FlowKey): Expectation[] {
  try {
    return withTable((socket) =>
      readDump(socket, { type: EXP_GET, body: encodeExpectationDump(master), doing: 'cannot list expectations' }, decodeExpectation),
    );
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ENOENT) return []; // the master has just ended
    throw tableError(error);
  }
}

/**
 * A dump does not report zones, and without its zone an expectation cannot be looked up. So each is looked up in zone 0, and if it is not
 * there, in every zone in which the table has entries. One that is in none of them may have ended meanwhile, and keeps zone 0.
 */
function withZones(expectations: Expectation[]): Expectation[] {
  const found = [...expectations];
  let places = unknownIn(
    0,
    found.map((_, place) => place),
  );
  if (places.length === 0) return found;
  const columns = new Columns(1024);
  for (const _ of walkInto(columns));
  for (const zone of new Set(columns.common.zone.subarray(0, columns.count))) if (zone !== 0) places = unknownIn(zone, places);
  return found;

  function unknownIn(zone: number, places: readonly number[]): number[] {
    const answers = errnos(
      EXP_GET,
      places.map((place) => inZone(expectations[place]!, zone)),
    );
    places.forEach((place, index) => {
      if (answers[index] === 0) found[place] = inZone(expectations[place]!, zone);
    });
    return places.filter((_, index) => answers[index] !== 0);
  }
}

function inZone(expectation: Expectation, zone: number): Expectation {
  return { ...expectation, zone, master: { ...expectation.master, zone } };
}

function errnos(type: number, keys: readonly FlowKey[]): (number | undefined)[] {
  return withTable((socket) =>
    inBatches(keys, (batch) => {
      const { replies } = exchange(socket, type, batch.map(encodeExpectationKey), 'each');
      return batch.map((_, index) => replies[index]?.errno);
    }),
  );
}
