import { kernelHandsOf } from '../../agent/policies/applying/kernel-hands.ts';
import { rulesetOf } from '../../agent/policies/ruleset.ts';
import type { PolicyRule } from '../../proto/model/policy/document.ts';
import { Conversation } from './conversation.ts';
import { ACK, PolicyTrial, type Family } from './policy-trial.ts';
import { encodePacket, type TestPacket } from './rules/frame.ts';

/** Ports of the traffic that rules are about. */
const [OFF, LIMITED] = [4000, 4001];
const at = (port: number): PolicyRule['match'] => ({ proto: 'udp', dport: [{ from: port, to: port }] });
/** TCP that begins midway is dropped, one port is not tracked, and of another a source has one connection. */
const RULES: PolicyRule[] = [
  { name: 'begins', match: { proto: 'tcp' }, mode: 'normal' },
  { name: 'bulk', match: at(OFF), mode: 'off' },
  { name: 'few', match: at(LIMITED), limits: { perSource: 1, answer: 'drop' } },
];
/** What is in every second table besides, so that each replacement changes something. */
const MORE: PolicyRule[] = [
  { name: 'web', match: { proto: 'tcp', dport: [{ from: 8080, to: 8090 }] }, mode: 'strict', idleTimeoutSeconds: 90 },
  { name: 'voice', match: at(5060), helper: 'sip', idleTimeoutSeconds: 60 },
];
/** Outside of our table: what came, and what each rule should have kept from passing as it did. */
const COUNTERS = ['arrived', 'midstream', 'tracked', 'unlimited'] as const;
type Counts = Record<(typeof COUNTERS)[number], number>;
const KEPT_PORT = 9;
const COUNTING = `table inet counting {
  ${COUNTERS.map((name) => `counter ${name} { }`).join('\n  ')}
  chain arriving { type filter hook prerouting priority -400; iifname "lan" meta l4proto { tcp, udp } counter name arrived; }
  chain passing {
    type filter hook forward priority filter;
    tcp flags & syn == 0 counter name midstream
    udp dport ${OFF} ct state != untracked counter name tracked
    udp dport ${LIMITED} udp sport != ${KEPT_PORT} counter name unlimited
  }
}`;
const FRAMES = 512;

export interface FloodReport {
  replaced: number;
  sent: number;
  packetsPerSecond: number;
  /** While rules were replaced under the flood. */
  counts: Counts;
  /** One packet of each kind after the rules were removed: that a counter can count. */
  without: Counts;
}

/**
 * Replaces the table of a policy again and again while packets come in that its rules concern, in both families. The trial is left without
 * a policy. `rate`: packets a second; 0: as many as there can be.
 */
export async function replacedUnderFlood(trial: PolicyTrial, { times, rate }: { times: number; rate: number }): Promise<FloodReport> {
  trial.stage.run('nft', ['-f', '-'], `flush ruleset\n${COUNTING}`);
  trial.set('udp_timeout', 600);
  const tables = [rulesetOf({ rules: RULES, helpers: [] }), rulesetOf({ rules: [...MORE, ...RULES], helpers: ['ftp'] })];
  const kernel = kernelHandsOf();
  await kernel.replaceTable(tables[0]);
  for (const family of [4, 6] as const) trial.stage.send('lan', udp(trial, family, KEPT_PORT, LIMITED));
  const flood = new Conversation(trial.stage.peers, 'flood.ts', ['lan', rate]);
  try {
    for (const frame of framesOf(trial)) flood.say(frame);
    flood.say('');
    await flood.heard('flooding');
    const before = counted(trial);
    for (let n = 1; n <= times; n++) await kernel.replaceTable(tables[n % tables.length]);
    const counts = difference(before, counted(trial));
    const { sent, seconds } = JSON.parse(await flood.conclude()) as { sent: number; seconds: number };
    await kernel.replaceTable(undefined);
    const bare = counted(trial);
    for (const packet of onePacketOfEach(trial)) trial.stage.send('lan', packet);
    return { replaced: times, sent, packetsPerSecond: sent / seconds, counts, without: difference(bare, counted(trial)) };
  } finally {
    await flood.end();
  }
}

function counted(trial: PolicyTrial): Counts {
  const text = trial.stage.run('nft', ['list', 'counters', 'table', 'inet', 'counting']);
  const packetsOf = (name: string): number => Number(new RegExp(`counter ${name} \\{\\s*packets (\\d+)`).exec(text)![1]);
  return Object.fromEntries(COUNTERS.map((name) => [name, packetsOf(name)])) as Counts;
}

function difference(before: Counts, after: Counts): Counts {
  return Object.fromEntries(COUNTERS.map((name) => [name, after[name] - before[name]])) as Counts;
}

function udp(trial: PolicyTrial, family: Family, sport: number, dport: number): TestPacket {
  return trial.packet('lan', family, 'udp', { sport, dport });
}

function onePacketOfEach(trial: PolicyTrial): TestPacket[] {
  const midstream = trial.packet('lan', 4, 'tcp', { sport: 1, dport: 443, tcpFlags: ACK });
  return [midstream, udp(trial, 4, 60_000, OFF), udp(trial, 4, 60_000, LIMITED)];
}

/** Most are TCP; some are of the port that is not tracked, and a few of the limited one, for which the kernel walks a list. */
function framesOf(trial: PolicyTrial): string[] {
  return Array.from({ length: FRAMES }, (_, n) => {
    const family = n % 2 === 0 ? 4 : 6;
    const port = 20_000 + n;
    const packet =
      n % 64 < 2
        ? udp(trial, family, port, LIMITED)
        : n % 16 < 4
          ? udp(trial, family, port, OFF)
          : trial.packet('lan', family, 'tcp', { sport: port, dport: 443, tcpFlags: ACK });
    const head = Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...(family === 4 ? [0x08, 0x00] : [0x86, 0xdd]));
    return Buffer.concat([head, encodePacket(packet)]).toString('hex');
  });
}
