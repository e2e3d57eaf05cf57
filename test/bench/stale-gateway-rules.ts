/** How many rules `ruleset` has. */
export const RULES = 300;

/** A gateway that has grown for years: marks that routes depend on, forwards, network translation, a long forward chain. 300 rules. */
export function ruleset(): string {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
  const marks = [
    'ct mark and 0xf00 != 0x0 meta mark set ct mark',
    ...numbers(24).map(
      (n) => `iifname "lan0" ip saddr 10.7.${n * 8}.0/22 tcp dport { ${8000 + n}, ${9000 + n} } meta mark set 0x${n % 2 === 0 ? 1 : 2}00`,
    ),
    'iifname "wan1" ct state new ct mark set 0x100',
    'iifname "wan2" ct state new ct mark set 0x200',
  ];
  const forwards = numbers(60).map(
    (n) =>
      `iifname { "wan1", "wan2" } ${n % 3 === 0 ? 'udp' : 'tcp'} dport ${20_000 + n} dnat ip to 10.7.${n}.10:${n % 2 === 0 ? 443 : 5060}`,
  );
  const sources = [
    ...numbers(20).map((n) => `oifname "wan1" ip saddr 10.7.${n * 4}.0/24 snat ip to 198.18.0.13`),
    'oifname "docker0" ip saddr 172.17.0.0/16 masquerade',
    'ip saddr 172.17.0.0/16 oifname != "docker0" masquerade',
    'oifname "wan1" meta nfproto ipv4 snat ip to 198.18.0.12',
    'oifname "wan2" meta nfproto ipv4 snat ip to 198.19.0.12',
  ];
  const qos = numbers(20).map(
    (n) =>
      `oifname "wan${1 + (n % 2)}" udp dport ${5000 + n * 10}-${5009 + n * 10} meta mark set meta mark or 0x${(n + 1).toString(16)}0000`,
  );
  const filter = [
    'ct state vmap { invalid : drop, established : accept, related : accept }',
    ...numbers(RULES - marks.length - forwards.length - sources.length - qos.length - 2).map((n) =>
      n % 4 === 0
        ? `iifname "lan0" ip saddr 10.7.${n}.0/24 tcp dport { 25, 465, ${1000 + n} } drop`
        : n % 4 === 1
          ? `iifname "lan0" ip daddr 198.51.${100 + (n % 60)}.${n} accept`
          : n % 4 === 2
            ? `iifname "wan1" ip saddr 203.0.113.${n} limit rate 10/second accept`
            : `iifname "lan0" oifname "wan2" ip saddr 10.7.${n}.${n} udp dport ${3000 + n} reject`,
    ),
    'ct status dnat accept',
  ];
  const chain = (name: string, type: string, hook: string, priority: string, rules: string[]): string =>
    `  chain b_${name} {\n    type ${type} hook ${hook} priority ${priority};\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`;
  return (
    `table inet bench {\n${chain('marks', 'filter', 'prerouting', 'mangle', marks)}${chain('forwards', 'nat', 'prerouting', 'dstnat', forwards)}${chain('forward', 'filter', 'forward', 'filter', filter)}` +
    `${chain('qos', 'filter', 'postrouting', 'mangle', qos)}${chain('sources', 'nat', 'postrouting', 'srcnat', sources)}}\n`
  );
}

/** `ip` commands that create the gateway's interfaces, addresses, routes and policy rules; the route has moved from wan1 to wan2. */
export const LINKS = [
  ...['lan0', 'wan1', 'wan2', 'docker0'].flatMap((name) => [
    `link add ${name} type veth peer name far-${name}`,
    `link set ${name} up`,
    `link set far-${name} up`,
  ]),
  'addr add 10.7.0.1/16 dev lan0',
  'addr add 172.17.0.1/16 dev docker0',
  'addr add 198.18.0.12/16 dev wan1',
  'addr add 198.18.0.13/16 dev wan1',
  'addr add 198.19.0.12/16 dev wan2',
  'route add default via 198.19.0.1 dev wan2 metric 10',
  'route add default via 198.18.0.1 dev wan1 metric 20',
  'route add default via 198.18.0.1 dev wan1 table 101',
  'route add default via 198.19.0.1 dev wan2 table 102',
  'rule add fwmark 0x100/0xf00 lookup 101',
  'rule add fwmark 0x200/0xf00 lookup 102',
];
export const LINKS6 = [
  'addr add fd00:7::1/64 dev lan0 nodad',
  'addr add 2001:db8:18::12/64 dev wan1 nodad',
  'addr add 2001:db8:19::12/64 dev wan2 nodad',
  'route add default via 2001:db8:19::1 dev wan2 metric 10',
  'route add default via 2001:db8:18::1 dev wan1 metric 20',
];
