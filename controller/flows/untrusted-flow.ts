import type { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import type { Flow, Tuple } from '../../proto/model/flow.ts';
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
  const flow = fromWireFlow(wire);
  checkTuple(flow.orig);
  checkTuple(flow.reply);
  if (flow.master) checkTuple(flow.master.orig);
  if (flow.proto > 255) throw new TypeError(`protocol ${flow.proto} is above 255`);
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

function checkTuple({ sport = 0, dport = 0 }: Tuple): void {
  if (sport > 65_535 || dport > 65_535) throw new TypeError(`port ${Math.max(sport, dport)} is above 65535`);
}
