import { createHash } from 'node:crypto';
import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import type { EndedUnmet } from './end-unmet.ts';
import type { ChangeSet, HeldValues } from './change-set.ts';

/** One change of a gateway, as it is on disk from before it is begun. Times: `BootClock`, but for those that people read. */
export interface ChangeRecord {
  id: string;
  /** The policy's name, and the policy as it was written; an empty text where none is to hold any more. */
  policy: string;
  document: string;
  /** The command that asked for it; absent if it was put in force by hand. */
  commandId?: string;
  /** What was confirmed before, to go back to; absent if nothing was. */
  before?: Pick<ChangeRecord, 'id' | 'policy' | 'document' | 'commandId' | 'held'>;
  /** Of the kernel that holds the change; another one holds nothing of it. */
  bootId: string;
  /** The network namespace, as /proc names it. */
  namespace: string;
  /** Who carries it out. */
  process: { pid: number; startedAt: string };
  deadlineBootMs: number;
  verifiedAtBootMs?: number;
  /** Milliseconds since 1970. */
  beganAt: number;
  deadlineAt: number;
  changes: ChangeSet;
  held: HeldValues;
  spared: PolicyMatch[];
  /** `TABLE_LAYOUT` of who carries it out; absent from those that had none. */
  layout?: number;
}

/**
 * What a change goes through. Which of them it is in, is told by the name of its file alone, so that each step is one rename.
 *
 *   changing ── verified ──▶ unconfirmed ── confirm ──▶ confirmed
 *       │                        │
 *       └────────────────────────┴── put back ──▶ (no file)
 *
 * In `changing`, whoever carries it out holds the lock: if that is free, its process has died.
 */
export type PendingPhase = 'changing' | 'unconfirmed';

export interface PendingChange {
  phase: PendingPhase;
  record: ChangeRecord;
}

/** How a change ended. */
export interface ChangeOutcome {
  id: string;
  policy: string;
  commandId?: string;
  outcome: 'confirmed' | 'restored' | 'gone';
  /** A sentence for people. */
  why: string;
  /** Milliseconds since 1970. */
  at: number;
  /** Flows that a stricter mode has ended, if any could be. */
  unmet?: EndedUnmet;
}

/** After its deadline, a change was put back by its dead-man, or that is there no more. */
export const GRACE_MS = 5000;

/** Why a change is put back that was left in `changing`. */
export const DIED = 'The program that set it ended before it was in force.';

const VERSION = 1;

/** With a checksum: what is put back must be what was there. */
export function formatRecord<T extends ChangeRecord | ChangeOutcome>(value: T): string {
  const text = JSON.stringify(value);
  return `${JSON.stringify({ version: VERSION, sha256: checksum(text) })}\n${text}\n`;
}

/** Throws Error for what is not whole, or of another version. */
export function parseRecord<T extends ChangeRecord | ChangeOutcome>(bytes: Buffer): T {
  const [head = '', text = '', ...more] = bytes.toString('utf8').split('\n');
  const { version, sha256 } = JSON.parse(head) as { version?: unknown; sha256?: unknown };
  if (version !== VERSION) throw new Error(`it is of version ${String(version)}`);
  if (sha256 !== checksum(text) || more.join('\n') !== '') throw new Error('its checksum is wrong');
  return JSON.parse(text) as T;
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
