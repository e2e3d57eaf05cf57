import type { Flow as WireFlow, FlowKey as WireFlowKey, Tuple as WireTuple } from '../../proto/gen/ctfleet/v1/flow.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { fromWireFlow } from '../../proto/wire/flow.ts';
import { rateFrom, textFrom } from '../platform/untrusted.ts';

/** The kernel has 128 labels. */
const MAX_LABELS = 128;
const MAX_TEXT = 200;
/** 9999-12-31: the last day that can be shown. */
const MAX_TIME_MS = 253_402_214_400_000;

/**
 * A flow sent by an agent, sanitised for display. Throws TypeError if it does not describe a flow: no tuple, or an invalid address or port.
 */
export function flowFrom(wire: WireFlow): Flow {
  checkFlow(wire);
  const flow = fromWireFlow(wire);
  const text = (value: string | undefined): string | undefined => (value === undefined ? undefined : textFrom(value, MAX_TEXT));
  const { startedAtMs } = flow;
  return {
    ...flow,
    startedAtMs: startedAtMs !== undefined && startedAtMs <= MAX_TIME_MS ? startedAtMs : undefined,
    rateBitsPerSecond: rateFrom(flow.rateBitsPerSecond),
    labels: flow.labels.slice(0, MAX_LABELS).map((label) => textFrom(label, MAX_TEXT)),
    state: text(flow.state),
    helper: text(flow.helper),
    wan: text(flow.wan),
    protectedBy: text(flow.protectedBy),
  };
}

/** Throws as `flowFrom` does, for a flow that is passed on as it came. */
export function checkFlow({ family, proto, orig, reply, master }: WireFlow): void {
  checkKey({ family, proto, orig });
  checkTuple(reply);
  if (master) checkKey(master);
}

function checkKey({ family, proto, orig }: Pick<WireFlowKey, 'family' | 'proto' | 'orig'>): void {
  if (family !== 4 && family !== 6) throw new TypeError(`family ${family} is neither 4 nor 6`);
  if (proto > 255) throw new TypeError(`protocol ${proto} is above 255`);
  checkTuple(orig);
}

function checkTuple(tuple: WireTuple | undefined): void {
  if (!tuple) throw new TypeError('a flow without a tuple');
  const { src, dst, sport = 0, dport = 0 } = tuple;
  for (const { length } of [src, dst]) if (length !== 4 && length !== 16) throw new TypeError(`an address of ${length} bytes`);
  if (sport > 65_535 || dport > 65_535) throw new TypeError(`port ${Math.max(sport, dport)} is above 65535`);
}
