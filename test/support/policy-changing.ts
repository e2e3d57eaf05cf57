import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ChangeFolder } from '../../agent/policies/applying/change-folder.ts';
import type { ChangeRecord } from '../../agent/policies/applying/change-record.ts';
import { PolicyChanges } from '../../agent/policies/applying/policy-changes.ts';
import type { EndedUnmet } from '../../agent/policies/applying/end-unmet.ts';
import { rulesIn } from '../../agent/policies/rules-in.ts';
import { Disk } from '../../agent/disk/disk.ts';
import { NODE_FILES, type Files } from '../../agent/disk/files.ts';
import type { BootClock } from '../../agent/time/boot-clock.ts';
import { HELPERS } from '../../proto/model/policy/helpers.ts';
import type { PolicyDocument, PolicySpec } from '../../proto/model/policy/document.ts';
import { MemoryPolicyKernel } from './memory-policy-kernel.ts';

/** Time that passes when somebody waits for it. `wallMs` is the clock that people see and anybody may set. */
export class TestBootClock implements BootClock {
  ms = 5_000_000;
  wallMs = 1_800_000_000_000;
  id = 'boot-1';
  /** Called whenever time passes. */
  onDelay: () => void = () => undefined;

  bootMs(): number {
    return this.ms;
  }

  bootId(): string {
    return this.id;
  }

  async delay(ms: number): Promise<void> {
    this.pass(ms);
    this.onDelay();
  }

  pass(ms: number): void {
    this.ms += ms;
    this.wallMs += ms;
  }
}

export const SETTINGS = {
  nf_conntrack_max: 262_144,
  nf_conntrack_buckets: 65_536,
  nf_conntrack_udp_timeout: 30,
  nf_conntrack_udp_timeout_stream: 120,
  nf_conntrack_tcp_timeout_established: 432_000,
  nf_conntrack_tcp_loose: 1,
  nf_conntrack_tcp_be_liberal: 0,
  nf_conntrack_checksum: 1,
  nf_conntrack_acct: 0,
};

/** A gateway in memory, its state folder on disk, and a log of what was done in which order. */
export class ChangeStage {
  readonly clock = new TestBootClock();
  readonly kernel: MemoryPolicyKernel;
  readonly stateDir: string;
  readonly folder: ChangeFolder;
  readonly changes: PolicyChanges;
  /** `record`, `dead-man`, `set NAME`, `replace`, `tidy`. */
  readonly deeds: string[] = [];
  /** What it was started with. */
  readonly watched: ChangeRecord[] = [];
  namespace = 'net:[1]';
  onDeadMan: () => void = () => undefined;
  /** What ends flows that do not meet a stricter mode. */
  onUnmet: () => EndedUnmet = () => ({ ended: 0, left: 0 });

  constructor({ files = NODE_FILES, stateDir = newFolder(), kernel = new MemoryPolicyKernel(SETTINGS) }: StageOptions = {}) {
    this.kernel = kernel;
    this.stateDir = stateDir;
    this.kernel.onDeed = (deed, what) => void this.deeds.push(what === undefined ? deed : `${deed} ${what}`);
    this.folder = new ChangeFolder(stateDir, new Disk({ files }));
    this.changes = new PolicyChanges({
      folder: this.folder,
      kernel: this.kernel,
      policies: {
        read: async () => {
          const found = await this.kernel.table();
          return {
            actual: {
              settings: this.kernel.settings(),
              unsettable: {},
              helpers: Object.keys(HELPERS).map((name) => ({ name, isLoaded: true })),
              ...(found && { table: rulesIn(found) }),
            },
            helpers: [],
            foreign: { rules: [], undecoded: [], unread: [], left: 0 },
            unread: [],
          };
        },
      },
      deadMan: {
        start: async (record) => {
          this.deeds.push(this.folder.pending()?.record.id === record.id ? 'dead-man' : 'dead-man without record');
          this.onDeadMan();
          this.watched.push(record);
        },
      },
      clock: this.clock,
      now: () => this.clock.wallMs,
      spared: async () => [{ proto: 'tcp', dst: ['10.0.0.1'], dport: [{ from: 22, to: 22 }] }],
      process: () => ({ pid: process.pid, startedAt: '1' }),
      namespace: () => this.namespace,
      endUnmet: async () => this.onUnmet(),
    });
  }

  /** All that a policy can change. */
  state(): unknown {
    return structuredClone({ values: this.kernel.values, own: this.kernel.own });
  }
}

interface StageOptions {
  files?: Files;
  stateDir?: string;
  kernel?: MemoryPolicyKernel;
}

const ROOT = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'ctfleet-changing-'));
process.once('exit', () => rmSync(ROOT, { recursive: true, force: true }));

/** In memory where possible; all of them are removed when the process ends. */
export function newFolder(): string {
  return mkdtempSync(path.join(ROOT, 'gateway-'));
}

export function policyOf(spec: Partial<PolicySpec>, name = 'trial'): PolicyDocument {
  return { metadata: { name }, spec: { table: {}, timeouts: {}, rules: [], ...spec } };
}

/** One that changes settings, rules, limits, timeouts and helpers. */
export const BUSY = policyOf(
  {
    table: { max: 524_288, buckets: 131_072 },
    timeouts: { 'udp.replied': 60, 'tcp.established': 3600 },
    helpers: ['ftp'],
    accounting: true,
    rules: [
      { name: 'trunk', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, mode: 'normal', idleTimeoutSeconds: 180 },
      { name: 'guests', match: { src: ['10.1.0.0/16'] }, limits: { perSource: 20, answer: 'reset' } },
    ],
  },
  'busy',
);
/** One that has other limits, timeouts and settings. */
export const CALM = policyOf(
  {
    table: { max: 131_072, buckets: 32_768 },
    timeouts: { 'udp.replied': 200 },
    rules: [
      { name: 'trunk', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, idleTimeoutSeconds: 60 },
      { name: 'guests', match: { src: ['10.1.0.0/16'] }, limits: { perSource: 5, answer: 'drop' } },
    ],
  },
  'calm',
);
