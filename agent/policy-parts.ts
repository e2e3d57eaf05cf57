import type { PolicyMatch } from '../proto/model/policy/document.ts';
import { Method } from '../proto/gen/ctfleet/v1/operation.ts';
import type { AgentConfig } from './config.ts';
import { KernelTable } from './conntrack/kernel/kernel-table.ts';
import { Disk } from './disk/disk.ts';
import { FAMILY } from './firewall/rules/ruleset.ts';
import { TableChangers } from './firewall/rules/table-changers.ts';
import { isOwnChanger } from './firewall/tables/nft.ts';
import { loadIdentity } from './link/identity.ts';
import { builtInProtections, type Endpoint } from './operations/guard.ts';
import { DEFAULT_GUARD_FILE, GuardFile } from './operations/guard-file.ts';
import { Lately } from './operations/lately.ts';
import { LocalGuard } from './operations/local-guard.ts';
import { ownAddresses, resolveEndpoint } from './operations/own-endpoints.ts';
import { ChangeFolder } from './policies/applying/change-folder.ts';
import { deadManOf } from './policies/applying/dead-man.ts';
import { kernelHandsOf } from './policies/applying/kernel-hands.ts';
import { PolicyChanges } from './policies/applying/policy-changes.ts';
import { networkNamespace } from './policies/network-namespace.ts';
import { ownIdentity } from './policies/applying/process-identity.ts';
import { sparedPackets, sshPortsIn, sshPortsOf } from './policies/applying/spared.ts';
import { StandingPolicy } from './policies/standing/standing-policy.ts';
import { DriftFile } from './policies/standing/drift-file.ts';
import { OwnTable } from './policies/own-table.ts';
import { POLICY_TABLE } from './policies/policy-table.ts';
import { endUnmet } from './policies/applying/end-unmet.ts';
import { KernelPolicies } from './policies/reading/kernel-policies.ts';
import { bootClock, type BootClock } from './time/boot-clock.ts';

/** A name server is not asked more often than this. */
const ASK_AGAIN_MS = 60_000;

export interface PolicyParts {
  policies: KernelPolicies;
  folder: ChangeFolder;
  book: DriftFile;
  changes: PolicyChanges;
  clock: BootClock;
  standing: StandingPolicy;
  /** Packets that no policy touches, as they are now. */
  spared: () => Promise<PolicyMatch[]>;
}

/** What changes this gateway's policy and holds it to it, by the agent or by hand. */
export function policyParts(
  { stateDir, linkAddress, guardFile }: Pick<AgentConfig, 'stateDir' | 'linkAddress' | 'guardFile'>,
  warn: (message: string, fields: Record<string, unknown>) => void,
): PolicyParts {
  const disk = new Disk({ onTrouble: (message, fields) => warn(message, { ...fields }) });
  const folder = new ChangeFolder(stateDir, disk);
  const book = new DriftFile(stateDir, disk);
  const controller = rememberedEndpoint(() => linkAddress ?? identityAddress(stateDir, disk));
  const sshPorts = sshPortsOf(process.env.SSH_CONNECTION);
  const sparedNow = async (ports: readonly number[]): Promise<{ packets: PolicyMatch[]; isWhole: boolean }> => {
    const found = await controller();
    return { packets: sparedPackets({ own: ownAddresses(), controller: found, sshPorts: ports }), isWhole: found !== undefined };
  };
  const spared = async (): Promise<PolicyMatch[]> => (await sparedNow(sshPorts)).packets;
  const table = new OwnTable();
  const hands = { folder, kernel: kernelHandsOf(table), clock: bootClock };
  const policies = new KernelPolicies(table);
  const changes = new PolicyChanges({
    ...hands,
    policies,
    deadMan: deadManOf(stateDir, bootClock),
    now: Date.now,
    spared,
    process: ownIdentity,
    namespace: networkNamespace,
    endUnmet: async (record) => {
      const table = new KernelTable();
      const file = new GuardFile(guardFile ?? DEFAULT_GUARD_FILE, guardFile !== undefined);
      const guard = new LocalGuard(() => file.rules(), new Lately(Date.now, stateDir, disk));
      const ends = await controller();
      try {
        return await endUnmet(record, {
          table,
          context: () => ({ wans: [], protections: [...builtInProtections(ownAddresses(), ends), ...guard.protections()] }),
          own: ownAddresses,
          allow: (flows, tableCount) => guard.allow({ by: 'policy', method: Method.METHOD_DELETE, flows, stale: 0, tableCount }),
        });
      } finally {
        await table.close();
      }
    },
  });
  const standing = new StandingPolicy({
    ...hands,
    changes,
    // By the ports of whoever applied it, who may come again.
    spared: async ({ spared }) => {
      const { packets, isWhole } = await sparedNow(sshPortsIn(spared));
      return isWhole ? packets : undefined;
    },
    book,
    hearChangers: () => new TableChangers({ family: FAMILY[POLICY_TABLE.family], name: POLICY_TABLE.table }),
    isOwn: isOwnChanger,
    now: Date.now,
    namespace: networkNamespace,
    warn,
  });
  return { policies, folder, book, changes, clock: bootClock, standing, spared };
}

/** The controller's address as enrolment gave it; undefined before. */
function identityAddress(stateDir: string, disk: Disk): string | undefined {
  try {
    return loadIdentity(stateDir, disk)?.linkAddress;
  } catch {
    // Whoever needs the identity says what is wrong with it.
    return undefined;
  }
}

/** The controller's addresses, as they were when its name could last be resolved; undefined if it never could. */
function rememberedEndpoint(addressNow: () => string | undefined): () => Promise<Endpoint | undefined> {
  let known: Endpoint | undefined;
  let askedMs = -Infinity;
  return async () => {
    if (bootClock.bootMs() - askedMs < ASK_AGAIN_MS) return known;
    askedMs = bootClock.bootMs();
    const address = addressNow();
    const found = address === undefined ? undefined : await resolveEndpoint(address);
    if (found && found.addresses.length > 0) known = found;
    return known;
  };
}
