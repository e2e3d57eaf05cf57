import { EXIT, type Answer } from './command-line.ts';

const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

/** What was looked at. Absent: not known, or not there. */
export interface DoctorFacts {
  nowMs: number;
  /** CapEff of proc(5), as its hexadecimal digits. */
  capabilities: string;
  /** By name below net.netfilter. */
  sysctls: Readonly<Record<string, number | undefined>>;
  /** Whether ctnetlink answers, and why not. */
  listProblem?: string;
  /** Whether the program nft is there. */
  hasNft: boolean;
  /** Begin of this gateway's certificate, if it is enrolled. */
  certificateFromMs?: number;
  /** Whether each of the controller's addresses can be reached. */
  reached: readonly { what: string; address: string; problem?: string; isName?: boolean }[];
}

/** One thing that was looked at. `cure` is what a person can do. `isGrave`: without it the agent cannot do its work. */
export interface Finding {
  name: string;
  problem?: string;
  cure?: string;
  isGrave?: boolean;
}

/** What `doctor` says of the facts. Code `found` where something grave was found. */
export function doctorAnswer(facts: DoctorFacts): Answer {
  const findings = diagnose(facts);
  const lines = findings.flatMap(({ name, problem, cure, isGrave }) =>
    problem === undefined ? [`ok    ${name}`] : [`${isGrave ? 'FAIL ' : 'note '} ${name}: ${problem}`, `      ${cure ?? ''}`],
  );
  return { lines, json: { findings }, code: findings.some(({ isGrave }) => isGrave) ? EXIT.found : EXIT.done };
}

export function diagnose({ nowMs, capabilities, sysctls, listProblem, hasNft, certificateFromMs, reached }: DoctorFacts): Finding[] {
  const count = sysctls.nf_conntrack_count;
  return [
    finding('module nf_conntrack', count === undefined && 'it is not loaded', {
      cure: 'modprobe nf_conntrack, and add it to /etc/modules-load.d/ctfleet.conf. The agent looks for it again by itself.',
    }),
    finding('rules that track', count === 0 && 'the table is empty', {
      cure: 'Nothing is tracked unless a rule needs it: NAT, or a rule with “ct state”. A gateway with neither has no flows to show.',
      isGrave: false,
    }),
    finding('capabilities', missingCapabilities(capabilities), {
      cure: 'Run the agent by its systemd unit, which gives both, or this command with sudo.',
    }),
    finding('reading the table', count !== undefined && listProblem, { cure: 'modprobe nf_conntrack_netlink; it needs CAP_NET_ADMIN.' }),
    finding('program nft', !hasNft && 'it is not there, so that reset and block cannot be done', {
      cure: 'apt install nftables',
      isGrave: false,
    }),
    ...worthSetting(sysctls),
    finding('clock', certificateFromMs !== undefined && certificateFromMs > nowMs && behind(certificateFromMs - nowMs), {
      cure: 'Set it, by timedatectl set-ntp true or by hand. The agent waits for it and connects then.',
    }),
    ...reached.map(({ what, address, problem, isName }) =>
      finding(`${what} ${address}`, problem, {
        cure: isName
          ? 'Look at /etc/resolv.conf, and at the name.'
          : 'Open this port from here to the controller, and see that the controller runs.',
      }),
    ),
  ];
}

function finding(
  name: string,
  problem: string | false | undefined,
  { cure, isGrave = true }: { cure: string; isGrave?: boolean },
): Finding {
  return problem === false || problem === undefined ? { name } : { name, problem, cure, isGrave };
}

function missingCapabilities(hex: string): string | undefined {
  const held = /^[0-9a-f]{1,16}$/i.test(hex) ? BigInt(`0x${hex}`) : 0n;
  const missing = [
    ['CAP_NET_ADMIN', CAP_NET_ADMIN],
    ['CAP_NET_RAW', CAP_NET_RAW],
  ].flatMap(([name, bit]) => ((held >> (bit as bigint)) & 1n ? [] : [String(name)]));
  return missing.length === 0 ? undefined : `${missing.join(' and ')} missing`;
}

/** Settings that the agent does without, and what it cannot tell then. */
const WORTH_SETTING: Readonly<Record<string, string>> = {
  nf_conntrack_acct: 'packets and bytes of flows are not counted',
  nf_conntrack_timestamp: 'the age of flows is not known',
};

function worthSetting(sysctls: DoctorFacts['sysctls']): Finding[] {
  return Object.entries(WORTH_SETTING).map(([name, effect]) =>
    finding(`net.netfilter.${name}`, sysctls[name] === 0 && `it is 0: ${effect}`, {
      cure: `sysctl -w net.netfilter.${name}=1, and the same line in /etc/sysctl.d/ctfleet.conf. It holds for flows that begin after it.`,
      isGrave: false,
    }),
  );
}

function behind(ms: number): string {
  return `it is at least ${Math.ceil(ms / 60_000)} minutes behind: this gateway’s certificate is not yet valid`;
}
