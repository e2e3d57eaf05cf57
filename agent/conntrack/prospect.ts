/**
 * What becomes of a packet of a flow that has no entry any more, by today's routes and rules. `through`: it reaches the other side as
 * before.
 * `altered`: it reaches it with another address or port. `diverted`: it reaches somebody else. `gateway`: the gateway itself takes it,
 * which
 * knows nothing of it. `reset` is an RST, `refused` an ICMP message.
 */
export type Passage =
  | { kind: 'through' | 'altered' | 'diverted' | 'gateway' }
  | { kind: 'dropped' | 'reset' | 'refused'; rule: string }
  | { kind: 'unknown'; why: string };

/** The next packet of the side that began a flow, and of the other. */
export interface Prospect {
  client: Passage;
  server: Passage;
}
