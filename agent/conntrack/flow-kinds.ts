import type { Flow } from '../../proto/model/flow.ts';
import { allOf, anyOf, negated, type FlowFilter } from '../../proto/model/filter/filter.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { SERVICES } from '../../proto/model/services.ts';
import { FLOW_KINDS, type FlowKind, type FlowKinds } from '../../proto/model/wan-event.ts';

const CALLS = ['sip', 'rtp'];
const VPN = ['ipsec', 'pptp', 'wireguard', 'openvpn'];
const SIP_HELPER = 'sip';

/** What operators call a flow: by its destination port, or because the SIP helper belongs to it. */
export function kindOf(flow: Pick<Flow, 'proto' | 'orig' | 'helper'>): FlowKind {
  if (flow.helper === SIP_HELPER || isOf(CALLS, flow)) return 'calls';
  if (isOf(VPN, flow)) return 'vpn';
  return flow.proto === PROTOCOLS.udp ? 'udp' : flow.proto === PROTOCOLS.tcp ? 'tcp' : 'other';
}

function isOf(services: readonly string[], { proto, orig: { dport } }: Pick<Flow, 'proto' | 'orig'>): boolean {
  return services
    .flatMap((service) => SERVICES[service]!)
    .some(
      (rule) =>
        rule.proto === proto && (!rule.ports || (dport !== undefined && rule.ports.some(([low, high]) => dport >= low && dport <= high))),
    );
}

const app = (service: string): FlowFilter => ({ kind: 'term', field: 'app', match: { kind: 'glob', pattern: service } });
const proto = (number: number): FlowFilter => ({ kind: 'term', field: 'proto', match: { kind: 'range', from: number, to: number } });

const calls = anyOf([...CALLS.map(app), { kind: 'term', field: 'helper', match: { kind: 'glob', pattern: SIP_HELPER } }]);
const vpn = anyOf(VPN.map(app));
const plain = [negated(calls), negated(vpn)];

/** The same as filters, so that a table counts them where they are. */
export const KIND_FILTERS: Readonly<Record<FlowKind, FlowFilter>> = {
  calls,
  vpn: allOf([negated(calls), vpn]),
  udp: allOf([...plain, proto(PROTOCOLS.udp)]),
  tcp: allOf([...plain, proto(PROTOCOLS.tcp)]),
  other: allOf([...plain, negated(proto(PROTOCOLS.udp)), negated(proto(PROTOCOLS.tcp))]),
};

/** How many of these flows are of each kind. */
export function countKinds(flows: Iterable<Pick<Flow, 'proto' | 'orig' | 'helper'>>): FlowKinds {
  const counts = noFlows();
  for (const flow of flows) counts[kindOf(flow)]++;
  return counts;
}

export function noFlows(): FlowKinds {
  return Object.fromEntries(FLOW_KINDS.map((kind) => [kind, 0])) as FlowKinds;
}
