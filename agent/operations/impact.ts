import type { Impact, Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { protocolName } from '../../proto/model/protocol.ts';
import { stateWord } from '../../proto/model/states.ts';
import { IPS } from '../../proto/model/status.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import type { FoundFlow } from '../conntrack/table.ts';
import { PredictionCounter } from './predict.ts';

/** A flow with a packet within this time counts as active. */
const ACTIVE_SECONDS = 10;
const TOP = 5;
/** Most distinct names counted by name; flows of further ones count only towards the totals, so that a scan cannot exhaust memory. */
const MAX_NAMES = 50_000;

/** Sums up what a plan would break. Add each flow once; `result` may be called at any time. */
export class ImpactCounter {
  readonly #impact = { matched: 0, protected: 0, assured: 0, unreplied: 0, natted: 0, active: 0, idle: 0, unknownActivity: 0 };
  readonly #byProto = new Map<string, number>();
  readonly #byState = new Map<string, number>();
  readonly #byWan = new Map<string, number>();
  readonly #sources = new Map<string, number>();
  readonly #destinations = new Map<string, number>();
  readonly #protectedBy = new Map<string, number>();
  readonly #predictions: PredictionCounter;
  #longestLived: Flow[] = [];
  #rate: number | undefined;

  constructor(method: Method, nowMs: number) {
    this.#predictions = new PredictionCounter(method, nowMs);
  }

  add(flow: FoundFlow): void {
    const impact = this.#impact;
    impact.matched++;
    if (flow.protectedBy !== undefined) {
      impact.protected++;
      count(this.#protectedBy, flow.protectedBy);
      return;
    }
    if (flow.status & IPS.ASSURED) impact.assured++;
    if (!(flow.status & IPS.SEEN_REPLY)) impact.unreplied++;
    if (flow.status & (IPS.SRC_NAT | IPS.DST_NAT)) impact.natted++;
    const isActive = activityOf(flow);
    if (isActive === undefined) impact.unknownActivity++;
    else if (isActive) impact.active++;
    else impact.idle++;
    this.#predictions.add(flow, flow.prospect);
    this.#offer(flow);
    if (flow.rateBitsPerSecond !== undefined) this.#rate = (this.#rate ?? 0) + flow.rateBitsPerSecond;
    count(this.#byProto, protocolName(flow.proto));
    count(this.#byState, stateWord(flow.state, flow.status));
    count(this.#byWan, flow.wan ?? 'none');
    count(this.#sources, flow.orig.src);
    count(
      this.#destinations,
      flow.orig.dport === undefined
        ? flow.orig.dst
        : `${flow.orig.dst.includes(':') ? `[${flow.orig.dst}]` : flow.orig.dst}:${flow.orig.dport}`,
    );
  }

  result(tableCount: number): Impact {
    return {
      ...this.#impact,
      tableCount: BigInt(tableCount),
      byProto: Object.fromEntries(this.#byProto),
      byState: Object.fromEntries(this.#byState),
      byWan: Object.fromEntries(this.#byWan),
      protectedBy: Object.fromEntries(this.#protectedBy),
      topSources: top(this.#sources),
      topDestinations: top(this.#destinations),
      rateBitsPerSecond: this.#rate,
      longestLived: this.#longestLived.map(toWireFlow),
      predictions: this.#predictions.result(),
    };
  }

  #offer(flow: Flow): void {
    const { startedAtMs } = flow;
    if (startedAtMs === undefined) return;
    const last = this.#longestLived.at(-1)?.startedAtMs ?? Infinity;
    if (this.#longestLived.length === TOP && startedAtMs >= last) return;
    this.#longestLived = [...this.#longestLived, flow].sort((a, b) => a.startedAtMs! - b.startedAtMs!).slice(0, TOP);
  }
}

/** Judged by the idle time; if that is not conclusive, by the traffic between two walks. Undefined if neither is known. */
function activityOf({ idleSeconds, idleBounds, rateBitsPerSecond }: Flow): boolean | undefined {
  const { atLeast, atMost = Infinity } =
    idleSeconds === undefined ? (idleBounds ?? { atLeast: 0 }) : { atLeast: idleSeconds, atMost: idleSeconds };
  if (atMost <= ACTIVE_SECONDS) return true;
  if (atLeast > ACTIVE_SECONDS) return false;
  return rateBitsPerSecond === undefined ? undefined : rateBitsPerSecond > 0;
}

function count(counts: Map<string, number>, name: string): void {
  const known = counts.get(name);
  if (known !== undefined) counts.set(name, known + 1);
  else if (counts.size < MAX_NAMES) counts.set(name, 1);
}

function top(counts: Map<string, number>): { name: string; flows: number }[] {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([name, flows]) => ({ name, flows }));
}
