import { NLM_F_REQUEST } from '../../netlink/constants.ts';
import { areThere } from './identity.ts';
import { LOST, pipeline, type WriteBody } from './pipeline.ts';
import type { DeleteOutcome, FlowIdentity } from '../table.ts';
import { openTable } from './dump.ts';
import { CT_DELETE } from '../wire/constants.ts';
import { encodeDelete } from '../wire/requests.ts';

const ENOENT = 2;

/**
 * Deletes exactly these entries, each by original tuple, zone and id. If a start time is given, an entry that began at another time counts
 * as gone: entries are looked up first, since the kernel does not compare start times. An entry that begins in the microseconds between
 * with the same tuple and id would not be spared.
 */
export function deleteEntries(flows: readonly FlowIdentity[]): DeleteOutcome[] {
  const dated = flows.filter(({ startedAtMs }) => startedAtMs !== undefined);
  const isThere = areThere(dated).values();
  const isDoomed = flows.map(({ startedAtMs }) => startedAtMs === undefined || isThere.next().value === true);
  const doomed = flows.filter((_, index) => isDoomed[index]);
  const errnos = deleteBy(doomed.length, (index, out, at) => {
    const body = encodeDelete(doomed[index]!);
    out.bytes.set(body, at);
    return body.length;
  }).values();
  return isDoomed.map((one) => (one ? outcomeOf(errnos.next().value!) : 'gone'));
}

/**
 * Requests whose verdict was lost are sent once more: an entry that is then missing may have been ended by us or by itself, and counts as
 * gone.
 */
function deleteBy(count: number, writeBody: WriteBody): Int32Array {
  const socket = openTable();
  try {
    const errnos = pipeline(socket, { type: CT_DELETE, flags: NLM_F_REQUEST, count, writeBody });
    for (let index = 0; index < count; index++) {
      if (errnos[index] !== LOST) continue;
      errnos[index] = pipeline(socket, {
        type: CT_DELETE,
        flags: NLM_F_REQUEST,
        count: 1,
        writeBody: (_, out, at) => writeBody(index, out, at),
      })[0]!;
    }
    return errnos;
  } finally {
    socket.close();
  }
}

/** ENOENT: no such tuple, or it belongs to another entry now (the id differs). EBUSY: offloaded to a flow table. */
function outcomeOf(errno: number): DeleteOutcome {
  if (errno === 0) return 'deleted';
  return errno === ENOENT ? 'gone' : 'failed';
}
