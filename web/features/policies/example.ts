/** What the console shows where there is no policy yet, and begins a new one with. */
export const EXAMPLE = `apiVersion: ctfleet/v1
kind: TrackingPolicy
metadata:
  name: busy-nat
spec:
  table: { max: 262144, buckets: 65536 }
  timeouts:
    tcp: { established: 1h, timeWait: 30s }
    udp: { unreplied: 30s, replied: 60s }
  helpers: [ftp, sip]
  rules:
    - { name: trunk, match: { proto: udp, dport: 5060 }, mode: normal, idleTimeout: 3m }
    - { name: guests, match: { src: 10.1.0.0/16 }, limits: { perSource: 20, answer: reset } }
    - { name: multicast, match: { dst: 224.0.0.0/4 }, mode: "off" }
`;
