/**
 * What triggers remediations: where they then run, and what they are about, which determines what `$wan` and `$address` in a filter stand
 * for, how gateways take turns and what an editor asks for. A new kind starts here; the compiler asks for the rest.
 */

interface Trigger {
  /** `gateway`: what a gateway sees, it runs by itself, with or without the controller. */
  runsOn: 'gateway' | 'controller';
  /** `nothing`: it only says that it is time to run. */
  about: 'wan' | 'table' | 'nothing';
  /** For people, after *when*. */
  words: string;
}

export const TRIGGERS = {
  'wan-down': { runsOn: 'gateway', about: 'wan', words: 'a WAN goes down' },
  'wan-up': { runsOn: 'gateway', about: 'wan', words: 'a WAN comes back' },
  'address-change': { runsOn: 'gateway', about: 'wan', words: 'a WAN changes its address' },
  'table-usage': { runsOn: 'gateway', about: 'table', words: 'a table fills up' },
  schedule: { runsOn: 'controller', about: 'nothing', words: 'at times' },
  webhook: { runsOn: 'controller', about: 'nothing', words: 'a webhook is called' },
  manual: { runsOn: 'controller', about: 'nothing', words: 'somebody runs it' },
} as const satisfies Record<string, Trigger>;

export type TriggerKind = keyof typeof TRIGGERS;
export const TRIGGER_KINDS = Object.keys(TRIGGERS) as TriggerKind[];

/** True for triggers by a WAN, which has a name and an address. */
export function isAboutWan(kind: TriggerKind): boolean {
  return TRIGGERS[kind].about === 'wan';
}

/** True for triggers by a full table. */
export function isAboutTable(kind: TriggerKind): boolean {
  return TRIGGERS[kind].about === 'table';
}

/** Sample values for what such a trigger provides, so that a filter can be parsed before it fires. */
export function exampleOf(kind: TriggerKind): { wan?: string; address?: string } {
  return isAboutWan(kind) ? { wan: 'wan', address: '192.0.2.1' } : {};
}
