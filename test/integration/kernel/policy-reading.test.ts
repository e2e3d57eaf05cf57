import { closeSync, openSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changeNfTables } from '../../../agent/firewall/tables/nf-batch.ts';
import { KernelPolicies } from '../../../agent/policies/reading/kernel-policies.ts';
import { readActual } from '../../../agent/policies/reading/read-actual.ts';
import { rulesetOf } from '../../../agent/policies/ruleset.ts';
import { replacement } from '../../../agent/policies/table-messages.ts';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import type { ForeignRule, UndecodedRule } from '../../../proto/model/policy/foreign-tracking.ts';
import { timeoutKeyOf } from '../../../proto/model/policy/settings.ts';
import { Namespace } from '../../support/namespace.ts';

const why = Namespace.why();

let namespace: Namespace;
let leave: () => void;

beforeAll(() => {
  if (why !== undefined) return;
  namespace = Namespace.create('ctw-policy');
  leave = namespace.enter();
});
afterAll(() => {
  leave?.();
  namespace?.remove();
});
beforeEach(() => {
  if (why === undefined) namespace.nft('flush ruleset');
});

/** What is said of tracking, each with where it stands. */
function foreign(): string[] {
  return readActual().foreign.rules.map((rule) => `${placeText(rule)} | ${rule.says.map((saying) => JSON.stringify(saying)).join(' ')}`);
}

function placeText({ place }: ForeignRule | UndecodedRule): string {
  const { family, table, chain, position } = place;
  return `${family} ${table} ${chain} #${position} at ${place.hooks.map(({ hook, priority }) => `${hook} ${priority}`).join(', ')}`;
}

/** Opens it for writing, and writes nothing. */
function mayOpen(file: string): boolean {
  try {
    closeSync(openSync(file, 'a'));
    return true;
  } catch {
    return false;
  }
}

function handleOf(chain: string, words: string): number {
  const line = namespace
    .run('nft', '-a', 'list', 'chain', ...chain.split(' '))
    .split('\n')
    .find((each) => each.includes(words));
  return Number(/# handle (\d+)/.exec(line ?? '')?.[1]);
}

describe.skipIf(why !== undefined)(`what a gateway is set to${why ? ` (skipped: ${why})` : ''}`, () => {
  test('every timeout and switch has the value that sysctl shows', () => {
    const { settings } = readActual().actual;
    expect(Object.keys(settings).length).toBeGreaterThan(25);
    for (const [name, value] of Object.entries(settings))
      expect([name, namespace.run('sysctl', '-n', `net.netfilter.${name}`).trim()]).toEqual([name, String(value)]);
  });

  test('the kernel’s folder decides which timeouts there are', () => {
    const there = readdirSync('/proc/sys/net/netfilter').filter((name) => timeoutKeyOf(name) !== undefined);
    expect(Object.keys(readActual().actual.settings).filter((name) => timeoutKeyOf(name) !== undefined)).toEqual(there.toSorted());
  });

  test('a change is in the next reading', () => {
    expect(readActual().actual.settings).toMatchObject({ nf_conntrack_udp_timeout: 30, nf_conntrack_tcp_loose: 1 });
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout', 17);
    namespace.sysctl('net.netfilter.nf_conntrack_tcp_loose', 0);
    expect(readActual().actual.settings).toMatchObject({ nf_conntrack_udp_timeout: 17, nf_conntrack_tcp_loose: 0 });
    namespace.sysctl('net.netfilter.nf_conntrack_udp_timeout', 30);
    namespace.sysctl('net.netfilter.nf_conntrack_tcp_loose', 1);
  });

  test('what is one value for the whole machine cannot be set here, and everything else can', () => {
    const { settings, unsettable } = readActual().actual;
    const refused = Object.keys(settings).filter((name) => !mayOpen(`/proc/sys/net/netfilter/${name}`));
    expect(Object.keys(unsettable).toSorted()).toEqual(refused);
    expect(Object.keys(unsettable).toSorted()).toEqual(['nf_conntrack_buckets', 'nf_conntrack_max']);
    expect(unsettable.nf_conntrack_max).toContain('one value for the whole machine');
  });

  test('a helper that a rule holds is there, and one that nothing shows is not known', () => {
    namespace.nft('table inet h { ct helper standard { type "ftp" protocol tcp; }; }');
    const { helpers, actual } = readActual();
    expect(helpers.find(({ name }) => name === 'ftp')?.state).not.toMatch(/missing|unknown|loadable/);
    expect(actual.helpers).toContainEqual({ name: 'ftp', isLoaded: true });
    for (const { name, state, evidence } of helpers) {
      expect(evidence).toMatch(/\.$/);
      expect(actual.helpers.some((each) => each.name === name)).toBe(state !== 'missing' && state !== 'unknown');
    }
  });
});

describe.skipIf(why !== undefined)(`what everybody else’s rules say about tracking${why ? ` (skipped: ${why})` : ''}`, () => {
  test('without rules nothing is said', () => {
    expect(readActual().foreign).toEqual({ rules: [], undecoded: [], unread: [], left: 0 });
  });

  test('notrack of nft is named with its place in each family', () => {
    for (const [family, match] of [
      ['inet', 'udp dport 53'],
      ['ip', 'ip saddr 10.0.0.0/8'],
      ['ip6', 'ip6 daddr fd00::/8'],
    ])
      namespace.nft(
        `table ${family} fw { chain first { type filter hook prerouting priority raw; accept comment "one"; ${match} notrack comment ` +
          '"mine"; }; }',
      );
    expect(foreign()).toEqual([
      'inet fw first #2 at prerouting -300 | {"kind":"notrack"}',
      'ip fw first #2 at prerouting -300 | {"kind":"notrack"}',
      'ip6 fw first #2 at prerouting -300 | {"kind":"notrack"}',
    ]);
    const [rule] = readActual().foreign.rules;
    expect(rule).toMatchObject({ text: 'meta l4proto udp th dport 53 notrack', comment: 'mine' });
    expect(rule!.place.handle).toBe(handleOf('inet fw first', 'notrack'));
  });

  test('notrack, zones and helpers of iptables-nft are named with their place', () => {
    for (const [program, source] of [
      ['iptables-nft', '10.0.0.0/8'],
      ['ip6tables-nft', 'fd00::/8'],
    ] as const) {
      const add = (rule: string): string => namespace.run(program, '-t', 'raw', ...rule.split(' '));
      add(`-A PREROUTING -s ${source} -p udp --dport 5060 -j CT --notrack`);
      add('-A PREROUTING -p tcp --dport 21 -j CT --helper ftp');
      add('-A OUTPUT -j CT --zone-orig 5');
      add('-A OUTPUT -j CT --ctevents new');
    }
    const told = (family: string): string[] => [
      `${family} raw PREROUTING #1 at prerouting -300 | {"kind":"notrack"}`,
      `${family} raw PREROUTING #2 at prerouting -300 | {"kind":"helper","name":"ftp"}`,
      `${family} raw OUTPUT #1 at output -300 | {"kind":"zone","zone":5,"direction":"original"}`,
      `${family} raw OUTPUT #2 at output -300 | {"kind":"events"}`,
    ];
    expect(foreign()).toEqual([...told('ip'), ...told('ip6')]);
    expect(readActual().foreign.rules[1]!.text).toContain('-j CT --helper ftp');
  });

  test('a chain that others jump to is met where these are, and one that nobody reaches nowhere', () => {
    namespace.nft(`table inet fw {
      chain exempt { ip daddr 224.0.0.0/4 notrack; }
      chain in { type filter hook prerouting priority -310; udp dport vmap { 67 : jump exempt }; }
      chain out { type filter hook output priority raw; jump exempt; }
      chain forgotten { notrack; }
      chain late { type filter hook prerouting priority mangle; notrack; }
    }`);
    expect(foreign()).toEqual([
      'inet fw exempt #1 at prerouting -310, output -300 | {"kind":"notrack"}',
      'inet fw forgotten #1 at  | {"kind":"notrack"}',
      'inet fw late #1 at prerouting -150 | {"kind":"notrack","isTooLate":true}',
    ]);
  });

  test('zones, helpers, timeouts and expectations are named with what they set', () => {
    namespace.nft(`table inet fw {
      ct helper standard { type "ftp" protocol tcp; }
      ct timeout calls { protocol udp; policy = { unreplied: 40, replied: 600 }; }
      ct timeout web { protocol tcp; policy = { established: 3600 }; }
      ct expectation data { protocol tcp; dport 9876; timeout 60s; size 12; l3proto ip; }
      chain pre { type filter hook prerouting priority raw; iifname "lan" ct zone set 9; iifname "wan" ct reply zone set 7;
        ct zone set meta mark map { 1 : 4 }; }
      chain new { type filter hook prerouting priority mangle; tcp dport 21 ct helper set "standard";
        udp dport 5060 ct timeout set "calls"; ct timeout set "web"; }
      chain passing { type filter hook forward priority filter; tcp dport 8888 ct expectation set "data";
        ct helper set tcp dport map { 2121 : "standard" }; }
    }`);
    const says = readActual().foreign.rules.flatMap((rule) => rule.says);
    expect(says).toEqual([
      { kind: 'zone', zone: 9 },
      { kind: 'zone', zone: 7, direction: 'reply' },
      { kind: 'zone' },
      { kind: 'helper', name: 'ftp' },
      { kind: 'timeout', name: 'calls', proto: 'udp', seconds: { 'udp.unreplied': 40, 'udp.replied': 600 } },
      { kind: 'timeout', name: 'web', proto: 'tcp', seconds: expect.objectContaining({ 'tcp.established': 3600 }) },
      { kind: 'expectation' },
      { kind: 'helper', isByMap: true },
    ]);
    expect(readActual().foreign.rules[0]!.text).toBe('iifname "lan" ct zone set 9');
  });

  test('limits are named with their number, and by which address they count', () => {
    namespace.nft(`table inet fw {
      set sources { type ipv4_addr; flags dynamic; size 1000; }
      set targets { type ipv6_addr; flags dynamic; size 1000; }
      set kept { type ipv4_addr; flags dynamic; size 1000; ct count over 7; }
      chain passing {
        type filter hook forward priority filter
        add @sources { ip saddr ct count over 20 } drop
        add @targets { ip6 daddr ct count over 30 } reject with tcp reset
        add @kept { ip saddr } drop
        tcp dport 22 ct count over 3 drop
        ct count 5 accept
      }
    }`);
    namespace.run('iptables-nft', ...'-A FORWARD -p tcp --syn -m connlimit --connlimit-above 4 --connlimit-daddr -j DROP'.split(' '));
    expect(readActual().foreign.rules.flatMap((rule) => rule.says)).toEqual([
      { kind: 'limit', count: 20, isOver: true, by: 'source' },
      { kind: 'limit', count: 30, isOver: true, by: 'destination' },
      { kind: 'limit', count: 7, isOver: true, by: 'source' },
      { kind: 'limit', count: 3, isOver: true, by: 'all' },
      { kind: 'limit', count: 5, isOver: false, by: 'all' },
      { kind: 'limit', count: 4, isOver: true, by: 'destination' },
    ]);
  });

  test('rules that drop what is invalid or begins in the middle are named, and those that pass connections are not', () => {
    namespace.nft(`table inet fw {
      chain passing {
        type filter hook forward priority filter
        ct state established,related accept
        ct state vmap { established : accept, related : accept, invalid : drop }
        ct state invalid reject
        ct state new tcp flags & (fin|syn|rst|ack) != syn drop
        ct state != invalid accept
        ct state { invalid, untracked } goto other
        ct state new accept
      }
      chain other { ct state untracked accept; }
    }`);
    namespace.run('iptables-nft', ...'-A FORWARD -m conntrack --ctstate INVALID -j DROP'.split(' '));
    namespace.run('iptables-nft', ...'-A FORWARD -p tcp ! --syn -m conntrack --ctstate NEW -j REJECT'.split(' '));
    expect(foreign().map((line) => line.replace(' at forward 0', ''))).toEqual([
      'inet fw passing #2 | {"kind":"invalid","end":"drop"}',
      'inet fw passing #3 | {"kind":"invalid","end":"reject"}',
      'inet fw passing #4 | {"kind":"mid-stream","end":"drop"}',
      'inet fw passing #6 | {"kind":"invalid","end":"jump"} {"kind":"untracked","end":"jump"}',
      'inet fw other #1 | {"kind":"untracked","end":"accept"}',
      'ip filter FORWARD #1 | {"kind":"invalid","end":"drop"}',
      'ip filter FORWARD #2 | {"kind":"mid-stream","end":"reject"}',
    ]);
  });

  test('a rule of which a part cannot be decoded is listed with that part, also beside what it says', () => {
    namespace.nft(`table inet fw {
      chain pre { type filter hook prerouting priority raw; osf name "Linux" notrack; }
      chain passing { type filter hook forward priority filter; ipsec in reqid 1 accept; limit rate 5/second accept; quota 5 mbytes drop; }
    }`);
    const { rules, undecoded } = readActual().foreign;
    expect(undecoded.map((rule) => `${placeText(rule)} | ${rule.parts.join()}`)).toEqual([
      'inet fw pre #1 at prerouting -300 | osf',
      'inet fw passing #1 at forward 0 | xfrm',
    ]);
    expect(undecoded[0]!.text).toContain('notrack');
    expect(rules.map((rule) => rule.says)).toEqual([[{ kind: 'notrack' }]]);
  });

  test('our own tables are not told of as somebody else’s', () => {
    namespace.nft('table inet ctfleet_policy { chain first { type filter hook prerouting priority raw; notrack; }; }');
    expect(readActual().foreign.rules).toEqual([]);
  });

  test('of more rules than an answer holds the rest is counted', () => {
    const rules = Array.from({ length: 450 }, (_, port) => `udp dport ${port + 1} notrack`).join('\n');
    namespace.nft(`table inet fw { chain pre { type filter hook prerouting priority raw\n${rules}\n}\n}`);
    const { foreign: found } = readActual();
    expect([found.rules.length, found.left]).toEqual([300, 150]);
    expect(Buffer.byteLength(JSON.stringify(found))).toBeLessThan(200_000);
  });
});

describe.skipIf(why !== undefined)(`the agent’s reader${why ? ` (skipped: ${why})` : ''}`, () => {
  test('reads in a thread what is read here', async () => {
    namespace.nft('table inet fw { chain pre { type filter hook prerouting priority raw; udp dport 53 notrack; }; }');
    expect(await new KernelPolicies().read(new AbortController().signal)).toEqual(readActual());
  });

  test('has the rules of our own table, and what somebody has added to it', async () => {
    const rules: PolicyRule[] = [
      { name: 'multicast', match: { dst: ['224.0.0.0/4'] }, mode: 'off' },
      { name: 'guests', match: { src: ['10.1.0.0/16'] }, limits: { perSource: 20, answer: 'reset' } },
    ];
    changeNfTables(replacement(rulesetOf({ rules, helpers: ['ftp'] })!, undefined));
    const read = async () => (await new KernelPolicies().read(new AbortController().signal)).actual;
    expect((await read()).table).toEqual({ rules, helpers: ['ftp'], strange: [] });
    expect(readActual().foreign.rules).toEqual([]);
    namespace.nft('table inet ctfleet_policy { chain stranger { notrack; }; }');
    expect((await read()).table?.strange).toEqual([expect.stringContaining('stranger')]);
    namespace.nft('table ip ctfleet_policy { chain pre { type filter hook prerouting priority raw; notrack; }; }');
    expect(readActual().foreign.rules.map(({ place }) => place.family)).toEqual(['ip']);
  });

  test('says why there can be no table of ours where nft is missing', async () => {
    const { PATH } = process.env;
    process.env.PATH = '/nowhere';
    try {
      const { actual } = await new KernelPolicies().read(new AbortController().signal);
      expect(actual.noTable).toContain('Rules, helpers and limits cannot be set here: nft is not there. Install nftables');
    } finally {
      process.env.PATH = PATH;
    }
  });

  test('a reading that nobody waits for any more is cancelled', async () => {
    const abort = new AbortController();
    const reading = new KernelPolicies().read(abort.signal);
    abort.abort();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
