import { deleteNamespaces, listNamespaces, run, runIn } from './namespace.ts';
import { gatewayRules, inetRules, type NatKind } from './rules.ts';
import {
  cables, controlBatch, controlEnd, externalAddress, externalAddress6, gatewayBatch, gatewayBatch6, inetBatch, lanBatch, lanBatch6, namespaces, providerEnds, type WanNumber,
} from './topology.ts';

/**
 * How a WAN fails. `admin`: the link is set down on the gateway; `carrier`: the far end is; `silent`: the provider drops everything
 * while the link stays up; `metric`: nothing fails, but the default route moves to the other WAN.
 */
export type Failure = 'admin' | 'carrier' | 'silent' | 'metric';

export interface LabOptions {
  /** Names of all namespaces begin with it; one lab a prefix. */
  prefix: string;
  gateways: number;
  nat?: NatKind;
  pin?: boolean;
  /** Of single gateways, in place of the lab's. */
  rules?: (n: number) => { nat: NatKind; pin: boolean };
}

/** Real gateways in namespaces; see README.md. Needs root, `ip` and `nft`. */
export class Lab {
  readonly names: ReturnType<typeof namespaces>;
  readonly #options: Required<Pick<LabOptions, 'prefix' | 'gateways' | 'rules'>>;

  constructor({ prefix, gateways, nat = 'snat', pin = false, rules = () => ({ nat, pin }) }: LabOptions) {
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
      runIn(this.names.inet, 'sh', ['-c', sysctls({ 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.conf.all.forwarding': 1 })]);
      run('ip', ['-n', this.names.inet, '-6', 'route', 'add', 'local', '2001:db8:113::/64', 'dev', 'lo']);
      this.#batch(this.names.control, controlBatch());
      for (let n = 1; n <= gateways; n++) {
        const [gateway, lan] = [this.names.gateway(n), this.names.lan(n)];
        run('ip', ['-batch', '-'], cables(prefix, n));
        this.#batch(this.names.inet, providerEnds(n));
        this.#batch(this.names.control, controlEnd(n));
        this.#batch(gateway, gatewayBatch(n));
        run('ip', ['-6', '-n', gateway, '-batch', '-'], gatewayBatch6(n));
        // arp_announce 2: after a failover an SNATed packet would else ask for its next hop with the other WAN's address, unanswered.
        runIn(gateway, 'sh', ['-c', sysctls({
          'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1, 'net.ipv4.conf.all.arp_announce': 2,
          'net.netfilter.nf_conntrack_acct': 1, 'net.netfilter.nf_conntrack_timestamp': 1,
        })]);
        const { nat, pin } = rules(n);
        runIn(gateway, 'nft', ['-f', '-'], gatewayRules(n, nat, pin));
        this.#batch(lan, lanBatch(n));
        run('ip', ['-6', '-n', lan, '-batch', '-'], lanBatch6(n));
        runIn(lan, 'sh', ['-c', sysctls({ 'net.ipv4.ip_nonlocal_bind': 1, 'net.ipv6.ip_nonlocal_bind': 1, 'net.ipv4.ip_local_port_range': '1024 65535' })]);
      }
    } catch (error) {
      this.down();
      throw error;
    }
  }

  /** Removes every namespace of the prefix, and with them cables, routes and tables. Processes inside are the caller's to end first. */
  down(): void {
    deleteNamespaces(listNamespaces().filter((name) => name.startsWith(`${this.#options.prefix}-`)));
  }

  failWan(n: number, wan: WanNumber, failure: Failure): void {
    const gateway = this.names.gateway(n);
    switch (failure) {
      case 'admin': run('ip', ['-n', gateway, 'link', 'set', `wan${wan}`, 'down']); return;
      case 'carrier': run('ip', ['-n', this.names.inet, 'link', 'set', `w${wan}-${n}`, 'down']); return;
      case 'silent': this.#setDead('add', n, wan); return;
      case 'metric': this.#moveDefault(gateway, wan, wan * 10, 900);
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
    // Setting the link down threw the IPv6 address and all its routes away.
    run('ip', ['-n', gateway, 'addr', 'replace', `${externalAddress6(n, wan)}/64`, 'dev', `wan${wan}`, 'nodad']);
    for (const [family, via] of [['-4', `198.${17 + wan}.0.1`], ['-6', `2001:db8:${17 + wan}::1`]] as const) {
      run('ip', ['-n', gateway, family, 'route', 'replace', 'default', 'via', via, 'dev', `wan${wan}`, 'metric', String(wan * 10)]);
      run('ip', ['-n', gateway, family, 'route', 'replace', 'default', 'via', via, 'dev', `wan${wan}`, 'table', `10${wan}`]);
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
    runIn(this.names.inet, 'nft', [`${verb} element inet isp dead { isp${wan} . ${externalAddress(n, wan)} }; ${verb} element inet isp dead6 { isp${wan} . ${externalAddress6(n, wan)} }`]);
  }

  #moveDefault(gateway: string, wan: WanNumber, from: number, to: number): void {
    for (const [family, via] of [['-4', `198.${17 + wan}.0.1`], ['-6', `2001:db8:${17 + wan}::1`]] as const) {
      run('ip', ['-n', gateway, family, 'route', 'replace', 'default', 'via', via, 'dev', `wan${wan}`, 'metric', String(to)]);
      run('ip', ['-n', gateway, family, 'route', 'del', 'default', 'via', via, 'dev', `wan${wan}`, 'metric', String(from)]);
    }
  }
}

function sysctls(values: Record<string, string | number>): string {
  return Object.entries(values).map(([name, value]) => `echo "${value}" > /proc/sys/${name.replaceAll('.', '/')}`).join('\n');
}
