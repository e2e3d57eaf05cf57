import { remediationDocument, type RemediationDocument } from '../../proto/http/remediation-document.ts';

/** A remediation to start from. All start in observe mode. */
export interface BuiltIn {
  key: string;
  document: RemediationDocument;
  explains: string;
}

function builtIn(key: string, explains: string, document: unknown): BuiltIn {
  return { key, explains, document: remediationDocument.parse(document) };
}

/** As many as a plan may hold of one gateway: a table full of what a built-in is for is exactly when it is needed. */
const MAX_FLOWS = 500_000;

/**
 * A share of the table shows that a filter matched something it is not for: almost all of a table that is not stale. Lower shares would
 * refuse on small gateways, where a few phones or tunnels are most of the table (docs/remediations.md).
 */
export const LIBRARY: readonly BuiltIn[] = [
  builtIn(
    'wan-down',
    'A WAN failed, or its route moved: flows that still leave with its address are stuck until they are ended. Waits for a WAN that works, ends exactly those, looks again.',
    {
      name: 'WAN down: end what is stuck',
      trigger: { kind: 'wan-down' },
      conditions: { healthyTarget: true, mostFlapsAnHour: 12 },
      filter: 'stale:yes wan:$wan',
      steps: { verifyAfterSeconds: 0.5, sweeps: 3 },
      limits: { maxFlows: MAX_FLOWS, maxPercentOfTable: 95, coolDownSeconds: 0, maxRunsAnHour: 30 },
    },
  ),
  builtIn(
    'failback-sip',
    'A WAN came back: calls that register over it again must not keep their media on the other one. Ends SIP, the RTP that it expected and what is stuck on other WANs where a new flow would leave by this one, so that all meet again.',
    {
      name: 'Failback: SIP and RTP together',
      trigger: { kind: 'wan-up' },
      conditions: { settledSeconds: 30, mostFlapsAnHour: 6 },
      filter: 'next-wan:$wan -wan:$wan (stale:yes or app:sip or helper:sip or (proto:udp state:related))',
      steps: { sweeps: 2 },
      limits: { maxFlows: 50_000, maxPercentOfTable: 95, coolDownSeconds: 300, maxRunsAnHour: 4 },
    },
  ),
  builtIn('address-change', 'The provider gave another address (PPPoE, DHCP): flows with the old one are answered to nobody.', {
    name: 'Address change: end the old address',
    trigger: { kind: 'address-change' },
    filter: 'stale:address-gone',
    steps: { sweeps: 2 },
    limits: { maxFlows: MAX_FLOWS, maxPercentOfTable: 95, coolDownSeconds: 0, maxRunsAnHour: 30 },
  }),
  builtIn(
    'stuck-gre-esp',
    'Tunnels without ports keep a dead entry alive for as long as one side sends. Ends GRE and ESP that nobody answers.',
    {
      name: 'Stuck GRE and ESP',
      trigger: { kind: 'schedule', cron: '30 2 * * *', timeZone: 'site' },
      filter: '(proto:gre or proto:esp) status:unreplied age>2m',
      limits: { maxFlows: 1000, maxPercentOfTable: 95 },
    },
  ),
  builtIn(
    'table-pressure',
    'The table is about to be full and new connections would fail without a word. Ends what serves nobody: unanswered flows that are idle, and closed connections that wait for their time-out.',
    {
      name: 'Table pressure: make room',
      trigger: { kind: 'table-usage', abovePercent: 85 },
      conditions: { settledSeconds: 5 },
      filter: '(status:unreplied idle>5s) or state:time-wait or state:close',
      steps: { sweeps: 0 },
      limits: { maxFlows: MAX_FLOWS, maxPercentOfTable: 50, coolDownSeconds: 60, maxRunsAnHour: 60 },
    },
  ),
  builtIn(
    'compromised-host',
    'A host must not speak to anyone, anywhere: refuses its packets for an hour and ends its flows on every gateway. Put its address in.',
    {
      name: 'Cut a compromised host',
      trigger: { kind: 'webhook' },
      filter: 'host:192.0.2.1',
      method: 'block',
      forSeconds: 3600,
      limits: { maxFlows: MAX_FLOWS, maxPercentOfTable: 95 },
    },
  ),
];
