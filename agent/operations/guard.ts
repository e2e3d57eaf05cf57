import { parsePrefix } from '../../proto/model/address.ts';
import type { FieldName, FlowFilter, Match } from '../../proto/model/filter/filter.ts';
import { evaluateFilter } from '../../proto/model/filter/evaluate.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import type { FlowContext } from '../conntrack/table.ts';

/** Where this agent reaches its controller; all addresses that the name resolves to. */
export interface Endpoint {
  addresses: string[];
  port: number;
}

/**
 * What no plan may touch, whatever the controller says: the agent's own channel, SSH to the gateway itself, and the agent's pings, which
 * would come back at once. Either side may be the original one: a flow picked up midstream is tracked from whoever sent first.
 */
export function builtInProtections(
  ownAddresses: string[],
  controller: Endpoint | undefined,
  probed: string[] = [],
): FlowContext['protections'] {
  const own = oneOf(ownAddresses);
  const protections: FlowContext['protections'] = [];
  if (controller) {
    protections.push({ reason: 'agent channel', filter: betweenHosts(own, oneOf(controller.addresses), controller.port) });
  }
  protections.push({
    reason: 'SSH to the gateway',
    filter: all([tcp, addressTerm('dst', own), portTerm('dport', 22)]),
  });
  if (probed.length > 0) {
    protections.push({
      reason: 'WAN probe',
      filter: all([
        any([protoTerm(PROTOCOLS.icmp), protoTerm(PROTOCOLS.icmpv6)]),
        addressTerm('src', own),
        addressTerm('dst', oneOf(probed)),
      ]),
    });
  }
  return protections;
}

/** Why the flow may not be touched, undefined if it may. */
export function protectionOf(flow: Flow, protections: FlowContext['protections'], nowMs: number): string | undefined {
  return protections.find(({ filter }) => evaluateFilter(filter, flow, nowMs))?.reason;
}

const tcp = protoTerm(PROTOCOLS.tcp);

function protoTerm(proto: number): FlowFilter {
  return { kind: 'term', field: 'proto', match: { kind: 'range', from: proto, to: proto } };
}

function betweenHosts(own: Match[], peer: Match[], peerPort: number): FlowFilter {
  return any([
    all([tcp, addressTerm('src', own), addressTerm('dst', peer), portTerm('dport', peerPort)]),
    all([tcp, addressTerm('src', peer), addressTerm('dst', own), portTerm('sport', peerPort)]),
  ]);
}

function oneOf(addresses: string[]): Match[] {
  return addresses.flatMap((text) => {
    const prefix = parsePrefix(text);
    return prefix ? [{ kind: 'prefix' as const, prefix }] : [];
  });
}

function addressTerm(field: FieldName, matches: Match[]): FlowFilter {
  return any(matches.map((match) => ({ kind: 'term', field, match })));
}

function portTerm(field: FieldName, port: number): FlowFilter {
  return { kind: 'term', field, match: { kind: 'range', from: port, to: port } };
}

function all(operands: FlowFilter[]): FlowFilter {
  return { kind: 'and', operands };
}

/** With no operands it matches nothing. */
function any(operands: FlowFilter[]): FlowFilter {
  return { kind: 'or', operands };
}
