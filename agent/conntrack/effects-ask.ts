import type { Flow } from '../../proto/model/flow.ts';
import type { Mode, PolicyMatch } from '../../proto/model/policy/document.ts';
import type { PolicyEffect } from '../../proto/model/policy/effects.ts';

/** One thing that a policy says of some of the traffic; of a list, the first that matches decides. `path`: its value, as of an origin. */
export type Said<What = unknown> = { match: PolicyMatch; path: string } & What;

/** All that a gateway is set to, in the order in which its packets meet it. */
export interface Regime {
  /** By packets of either direction: no entry, or expressly one. */
  off: Said<{ isOff: boolean }>[];
  /** The modes of what has an entry. */
  modes: Said<{ mode: Exclude<Mode, 'off'> }>[];
  helpers: Said<{ helper: string }>[];
  limits: Said<{ perSource?: number; perDestination?: number }>[];
  /** `object`: the kernel's; a flow keeps the one that it began with, and loses it with the object. */
  idle: Said<{ seconds: number; object: string }>[];
  /** Timeouts by file name below /proc/sys/net/netfilter. */
  settings: Readonly<Record<string, number>>;
}

/** What would the flows of now meet if a gateway were set to something else? */
export interface EffectsAsk {
  before: Regime;
  after: Regime;
  /** Addresses of the gateway itself: what it begins meets neither modes nor limits. */
  own: readonly string[];
  /** Packets to the gateway that meet none of it but helpers and timeouts. */
  spared: readonly PolicyMatch[];
  /** Rows wanted of the flows that are stopped. */
  maxFlows: number;
}

export interface EffectsAnswer {
  effects: PolicyEffect[];
  /** In the order of the effects that stop them, up to `maxFlows`. */
  stopped: Flow[];
  stoppedLeft: number;
  tableCount: number;
  snapshotAtMs: number;
  /** Flows of which it cannot be told: they may match a rule by what no entry has. */
  untold: number;
}
