/**
 * What happens to a packet of a flow whose entry is gone, by the current routes and rules. `through`: it reaches the other side as before.
 * `altered`: it reaches it with another address or port. `diverted`: it reaches somebody else. `gateway`: it is delivered to the gateway
 * itself, which has no such connection. `reset` is an RST, `refused` an ICMP message.
 */
export type Passage =
  | { kind: 'through' | 'altered' | 'diverted' | 'gateway' }
  | { kind: 'dropped' | 'reset' | 'refused'; rule: string }
  | { kind: 'unknown'; why: string };

/** The next packet from the side that began a flow, and from the other. */
export interface Prospect {
  client: Passage;
  server: Passage;
}
