/** How many connections a port takes. An unproven one has not begun a call yet: to hold it open costs an attacker nothing. */
export interface ConnectionLimits { total: number; perAddress: number; unproven: number; unprovenPerAddress: number }

type Reason = 'total' | 'perAddress' | 'unproven' | 'unprovenPerAddress';

/** Who is connected, by address and port; and how many of them have proved that they mean it. */
export class Connections {
  private readonly open = new Map<string, { host: string; isProven: boolean }>();
  private readonly hosts = new Map<string, { open: number; unproven: number }>();
  private unproven = 0;

  constructor(private readonly limits: ConnectionLimits) {}

  /** Takes a connection in, or says which limit is against it. */
  enter(peer: string, address: string): Reason | undefined {
    const host = networkOf(address);
    const own = this.hosts.get(host) ?? { open: 0, unproven: 0 };
    const { total, perAddress, unproven, unprovenPerAddress } = this.limits;
    if (this.open.size >= total) return 'total';
    if (own.open >= perAddress) return 'perAddress';
    if (this.unproven >= unproven) return 'unproven';
    if (own.unproven >= unprovenPerAddress) return 'unprovenPerAddress';
    own.open++;
    own.unproven++;
    this.unproven++;
    this.hosts.set(host, own);
    this.open.set(peer, { host, isProven: false });
    return undefined;
  }

  /** A call has begun on it. */
  prove(peer: string): void {
    const connection = this.open.get(peer);
    if (!connection || connection.isProven) return;
    connection.isProven = true;
    this.hosts.get(connection.host)!.unproven--;
    this.unproven--;
  }

  isProven(peer: string): boolean {
    return this.open.get(peer)?.isProven ?? false;
  }

  leave(peer: string): void {
    this.prove(peer);
    const connection = this.open.get(peer);
    if (!connection) return;
    this.open.delete(peer);
    const own = this.hosts.get(connection.host)!;
    own.open--;
    if (own.open === 0) this.hosts.delete(connection.host);
  }

  get size(): number {
    return this.open.size;
  }
}

/** Whoever has one IPv6 address has its whole /64. */
export function networkOf(address: string): string {
  const v4 = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!v4.includes(':')) return v4;
  const [head = '', tail] = v4.split('%')[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const whole = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0'), ...after];
  return whole.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}
