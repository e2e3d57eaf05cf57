import type { Flow } from '../../../proto/model/flow.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from '../../netlink/constants.ts';
import { exchange, inBatches, withTable } from './exchange.ts';
import { readLabelNames } from '../proc/labels.ts';
import { restoredEntry, restoreOrder } from '../wire/restored-entry.ts';
import type { RestoreOutcome } from '../table.ts';
import { CT_NEW } from '../wire/constants.ts';
import { encodeCreate } from '../wire/requests.ts';

const EEXIST = 17;

/**
 * Re-creates flows in the kernel's table; outcomes in the order given. With NLM_F_EXCL an entry that traffic has created meanwhile is left
 * alone. If the kernel's answer was lost, the flow counts as failed, although it may have been created.
 */
export function restoreEntries(flows: readonly Flow[]): RestoreOutcome[] {
  const names = readLabelNames();
  const outcomes = flows.map((): RestoreOutcome => 'failed');
  const wanted = restoreOrder(flows).flatMap((place) => {
    const entry = restoredEntry(flows[place]!, names);
    return entry ? [{ place, body: encodeCreate(entry) }] : [];
  });
  withTable((socket) =>
    inBatches(wanted, (batch) => {
      const { replies, isComplete } = exchange(
        socket,
        CT_NEW,
        batch.map(({ body }) => body),
        'last',
        NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
      );
      batch.forEach(({ place }, index) => {
        outcomes[place] = outcomeOf(replies[index]?.errno ?? (isComplete ? 0 : undefined));
      });
      return [];
    }),
  );
  return outcomes;
}

function outcomeOf(errno: number | undefined): RestoreOutcome {
  if (errno === 0) return 'restored';
  return errno === EEXIST ? 'exists' : 'failed';
}
