import { deleteNamespaces, listNamespaces, run, runIn } from './namespace.ts';
import { defaultRoute, IP_FAMILIES, nextHop, POLICY_TABLE, routingBatch, wansOf, type Routing } from './routing.ts';
import { gatewayRules, inetRules, type NatKind } from './rules.ts';
import {
  cables,
  controlBatch,
  controlEnd,
  externalAddress,
  externalAddress6,
  gatewayBatch,
  gatewayBatch6,
  inetBatch,
  lanBatch,
  lanBatch6,
  namespaces,
  providerEnds,
  type WanNumber,
} from './topology.ts';

/**
 * How a WAN fails. `admin`: the link is set down on the gateway; `carrier`: the far end is; `silent`: the provider drops everything
 * while the link stays up; `metric`: nothing fails, but the default route leaves the WAN, and so do the clients that a rule sends by it.
 */
export type Failure = 'admin' | 'carrier' | 'silent' | 'metric';

export interface GatewayKind {
  nat: NatKind;
  pin: boolean;
  routing?: Routing;
}

export interface LabOptions {
  /** All namespace names begin with it; one lab per prefix. */
  prefix: string;
  gateways: number;
  nat?: NatKind;
  pin?: boolean;
  routing?: Routing;
  /** Rules of single gateways, instead of the lab's. */
  rules?: (n: number) => GatewayKind;
}

/** Real gateways in namespaces; see README.md. Needs root, `ip` and `nft`. */
export class Lab {
  readonly names: ReturnType<typeof namespaces>;
  readonly #options: Required<Pick<LabOptions, 'prefix' | 'gateways' | 'rules'>>;

  constructor({ prefix, gateways, nat = 'snat', pin = false, routing = 'standby', rules = () => ({ nat, pin, routing }) }: LabOptions) {
    this.#options = { prefix, gateways, rules };
    this.names = namespaces(prefix, gateways);
  }

  /** Builds everything; on failure nothing is left. Throws if the prefix is in use. */
  up(): void {
    const { prefix, gateways, rules } = this.#options;
    const taken = listNamespaces().filter((name) => name.startsWith(`${prefix}-`));
    if (taken.length > 0) throw new Error(`A lab with the prefix ${prefix} exists (${taken[0]}). Take it down, or choose another prefix.`);
    try {
      run('ip', ['-batch', '-'], this.names.all.map((name) => `netns add ${name}\n`).join(''));
      this.#batch(this.names.inet, inetBatch());
      runIn(this.names.inet, 'nft', ['-f', '-'], inetRules());
      runIn(this.names.inet, 'sh', [
        '-c',
        sysctls({ 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.conf.all.forwarding': 1 }),
      ]);
      run('ip', ['-n', this.names.inet, '-6', 'route', 'add', 'local', '2001:db8:113::/64', 'dev', 'lo']);
      this.#batch(this.names.control, controlBatch());
      for (let n = 1; n <= gateways; n++) {
        const [gateway, lan] = [this.names.gateway(n), this.names.lan(n)];
        run('ip', ['-batch', '-'], cables(prefix, n));
        this.#batch(this.names.inet, providerEnds(n));
        this.#batch(this.names.control, controlEnd(n));
        const { nat, pin } = rules(n);
        const routing = this.#routingOf(n);
        this.#batch(gateway, gatewayBatch(n, wansOf(routing)));
        run('ip', ['-6', '-n', gateway, '-batch', '-'], gatewayBatch6(n));
        for (const family of IP_FAMILIES) run('ip', [family, '-n', gateway, '-batch', '-'], routingBatch(n, family, routing));
        // arp_announce 2: otherwise, after a failover, ARP for the next hop of an SNATed packet would use the other WAN's address and stay
        // unanswered.
        runIn(gateway, 'sh', [
          '-c',
          sysctls({
            'net.ipv4.ip_forward': 1,
            'net.ipv6.conf.all.forwarding': 1,
            'net.ipv4.conf.all.arp_announce': 2,
            'net.netfilter.nf_conntrack_acct': 1,
            'net.netfilter.nf_conntrack_timestamp': 1,
          }),
        ]);
        runIn(gateway, 'nft', ['-f', '-'], gatewayRules(n, nat, pin));
        this.#batch(lan, lanBatch(n));
        run('ip', ['-6', '-n', lan, '-batch', '-'], lanBatch6(n));
        runIn(lan, 'sh', [
          '-c',
          sysctls({ 'net.ipv4.ip_nonlocal_bind': 1, 'net.ipv6.ip_nonlocal_bind': 1, 'net.ipv4.ip_local_port_range': '1024 65535' }),
        ]);
      }
    } catch (error) {
      this.down();
      throw error;
    }
  }

  /** Removes every namespace of the prefix, and with them cables, routes and tables. The caller must end the processes inside first. */
  down(): void {
    deleteNamespaces(listNamespaces().filter((name) => name.startsWith(`${this.#options.prefix}-`)));
  }

  failWan(n: number, wan: WanNumber, failure: Failure): void {
    const gateway = this.names.gateway(n);
    switch (failure) {
      case 'admin':
        run('ip', ['-n', gateway, 'link', 'set', `wan${wan}`, 'down']);
        return;
      case 'carrier':
        run('ip', ['-n', this.names.inet, 'link', 'set', `w${wan}-${n}`, 'down']);
        return;
      case 'silent':
        this.#setDead('add', n, wan);
        return;
      case 'metric':
        this.#moveDefault(n, wan);
    }
  }

  healWan(n: number, wan: WanNumber): void {
    const gateway = this.names.gateway(n);
    run('ip', ['-n', gateway, 'link', 'set', `wan${wan}`, 'up']);
    run('ip', ['-n', this.names.inet, 'link', 'set', `w${wan}-${n}`, 'up']);
    try {
      this.#setDead('delete', n, wan);
    } catch {
      // It had not failed silently.
    }
    // Setting the link down removed the IPv6 address and all its routes.
    run('ip', ['-n', gateway, 'addr', 'replace', `${externalAddress6(n, wan)}/64`, 'dev', `wan${wan}`, 'nodad']);
    const routing = this.#routingOf(n);
    for (const family of IP_FAMILIES) {
      const way = ['default', 'via', nextHop(family, wan), 'dev', `wan${wan}`];
      run('ip', ['-n', gateway, family, 'route', 'replace', ...defaultRoute(family, wan, routing)]);
      run('ip', ['-n', gateway, family, 'route', 'replace', ...way, 'table', `10${wan}`]);
      if (routing === 'policy' && wan === 2) run('ip', ['-n', gateway, family, 'route', 'replace', ...way, 'table', String(POLICY_TABLE)]);
      if (run('ip', ['-n', gateway, family, 'route', 'show', 'default', 'metric', '900']).includes(`wan${wan}`)) {
        run('ip', ['-n', gateway, family, 'route', 'del', 'default', 'dev', `wan${wan}`, 'metric', '900']);
      }
    }
  }

  /** Sets a value of the gateway's namespace, such as a timeout. */
  sysctl(n: number, name: string, value: string | number): void {
    runIn(this.names.gateway(n), 'sh', ['-c', sysctls({ [name]: value })]);
  }

  /** Entries in the gateway's table. */
  count(n: number): number {
    return Number(runIn(this.names.gateway(n), 'cat', ['/proc/sys/net/netfilter/nf_conntrack_count']));
  }

  #batch(namespace: string, text: string): void {
    run('ip', ['-n', namespace, '-batch', '-'], text);
  }

  #setDead(verb: 'add' | 'delete', n: number, wan: WanNumber): void {
    runIn(this.names.inet, 'nft', [
      `${verb} element inet isp dead { isp${wan} . ${externalAddress(n, wan)} }; ${verb} element inet isp dead6 { isp${wan} . ${externalAddress6(n, wan)} }`,
    ]);
  }

  #moveDefault(n: number, wan: WanNumber): void {
    const gateway = this.names.gateway(n);
    const routing = this.#routingOf(n);
    const other = wan === 1 ? 2 : 1;
    for (const family of IP_FAMILIES) {
      const way = ['default', 'via', nextHop(family, wan), 'dev', `wan${wan}`];
      if (routing === 'policy' && wan === 2) run('ip', ['-n', gateway, family, 'route', 'del', ...way, 'table', String(POLICY_TABLE)]);
      if (routing === 'balanced') {
        run('ip', [
          '-n',
          gateway,
          family,
          'route',
          'replace',
          'default',
          'via',
          nextHop(family, other),
          'dev',
          `wan${other}`,
          'metric',
          '10',
        ]);
        continue;
      }
      run('ip', ['-n', gateway, family, 'route', 'replace', ...way, 'metric', '900']);
      run('ip', ['-n', gateway, family, 'route', 'del', ...way, 'metric', String(wan * 10)]);
    }
  }

  #routingOf(n: number): Routing {
    return this.#options.rules(n).routing ?? 'standby';
  }
}

function sysctls(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => `echo "${value}" > /proc/sys/${name.replaceAll('.', '/')}`)
    .join('\n');
}
