import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { DCCP_STATES, SCTP_STATES, TCP_STATES } from '../../../proto/model/states.ts';
import { CTA_PROTOINFO_DCCP, CTA_PROTOINFO_SCTP, CTA_PROTOINFO_TCP } from './constants.ts';

/** Protocols whose entries carry a state, by the attribute that holds it. */
export const STATE_PROTOCOLS = [
  { attribute: CTA_PROTOINFO_TCP, proto: PROTOCOLS.tcp, states: TCP_STATES },
  { attribute: CTA_PROTOINFO_DCCP, proto: PROTOCOLS.dccp, states: DCCP_STATES },
  { attribute: CTA_PROTOINFO_SCTP, proto: PROTOCOLS.sctp, states: SCTP_STATES },
] as const;

const STATES_OF: Record<number, readonly string[] | undefined> = Object.fromEntries(
  STATE_PROTOCOLS.map(({ attribute, states }) => [attribute, states]),
);

/** A state's name, by the CTA_PROTOINFO_* that held it; an unknown number is its own name. */
export function stateName(attribute: number, state: number): string | undefined {
  const states = STATES_OF[attribute];
  return states && (states[state] ?? String(state));
}

/** The name of a value of the column `state`, which combines attribute and number; 0 means none. */
export function stateText(state: number): string | undefined {
  return state === 0 ? undefined : stateName(state >> 8, state & 0xff);
}

/** The number of a state's name; the counterpart of stateName. Undefined for protocols without states or an unknown name. */
export function stateNumber(proto: number, name: string): number | undefined {
  const states = STATE_PROTOCOLS.find((one) => one.proto === proto)?.states;
  const index = states?.findIndex((state) => state === name) ?? -1;
  if (index >= 0) return index;
  return states && /^\d+$/.test(name) ? Number(name) : undefined;
}
