import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import { readPolicy } from '../../proto/model/policy/read.ts';

/** The policy of the documentation, but for what only the machine itself can be set to. `run`: differs from the one before and after. */
export function examplePolicy(run: number): PolicyDocument {
  const read = readPolicy(`apiVersion: ctfleet/v1
kind: TrackingPolicy
metadata: { name: busy-nat }
spec:
  timeouts: { tcp: { established: 1h, timeWait: ${30 + (run % 2)}s }, udp: { unreplied: 30s, replied: 60s } }
  rules:
    - { name: trunk, match: { proto: udp, dport: 5060 }, mode: normal, idleTimeout: 3m }
    - { name: guests, match: { src: 10.1.0.0/16 }, limits: { perSource: ${20 + (run % 2)}, answer: reset } }
    - { name: multicast, match: { dst: 224.0.0.0/4 }, mode: off }
`);
  if ('document' in read) return read.document;
  throw new Error(read.problems[0]!.message);
}

/** The same settings as a file for `sysctl -p`. */
export function sysctlLines(run: number): string {
  return Object.entries({ tcp_timeout_established: 3600, tcp_timeout_time_wait: 30 + (run % 2), udp_timeout: 30, udp_timeout_stream: 60 })
    .map(([name, seconds]) => `net.netfilter.nf_conntrack_${name}=${seconds}\n`)
    .join('');
}

/** The same rules as somebody would write them who knows nft well: the fewest that do it. They replace those of the run before. */
export function rulesByHand(run: number): string {
  const limit = 20 + (run % 2);
  return `table inet by_hand
delete table inet by_hand
table inet by_hand {
  ct timeout trunk {
    protocol udp
    l3proto inet
    policy = { unreplied : 180, replied : 180 }
  }
  set guests {
    type ipv4_addr
    size 65535
    flags dynamic
  }
  chain raw_in {
    type filter hook prerouting priority raw
    ip daddr 224.0.0.0/4 notrack
  }
  chain raw_out {
    type filter hook output priority raw
    ip daddr 224.0.0.0/4 notrack
  }
  chain early_in {
    type filter hook prerouting priority mangle
    ct state new udp dport 5060 ct timeout set "trunk"
  }
  chain early_out {
    type filter hook output priority mangle
    ct state new udp dport 5060 ct timeout set "trunk"
  }
  chain forward {
    type filter hook forward priority filter - 10
    ct state invalid udp dport 5060 drop
    ct state invalid udp sport 5060 drop
    ct state new ip saddr 10.1.0.0/16 add @guests { ip saddr ct count over ${limit} } goto refuse
  }
  chain input {
    type filter hook input priority filter - 10
    ct state invalid udp dport 5060 drop
    ct state invalid udp sport 5060 drop
    ct state new ip saddr 10.1.0.0/16 add @guests { ip saddr ct count over ${limit} } goto refuse
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    drop
  }
}
`;
}
