import path from 'node:path';
import { z } from 'zod';
import type { Remediation as WireRemediation } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { remediationDocument, runsOnGateway, type RemediationDocument } from '../../proto/http/remediation-document.ts';
import { BLOCKS_HOSTS } from '../../proto/model/block/packets.ts';
import { FILTER_ABILITIES } from '../../proto/model/filter/abilities.ts';
import { matchesEverything } from '../../proto/model/filter/everything.ts';
import { fillFilter } from '../../proto/model/filter/template.ts';
import type { OnePersonLimits } from '../../proto/model/tenant-limits.ts';
import { Disk } from '../disk/disk.ts';
import { exampleOf } from '../../proto/model/triggers.ts';

/** A remediation that this gateway runs autonomously. */
export interface GatewayRemediation {
  id: string;
  revision: number;
  document: RemediationDocument;
  /**
   * What the tenant lets one person end; enforced here. Absent where a second person has approved, or where an older controller does not
   * send it.
   */
  limits?: OnePersonLimits;
  /** Between the trigger and the first check, so that gateways take turns and partners never act at the same time. */
  delaySeconds: number;
}

/** A remediation that this agent does not fully understand. */
export interface RefusedRemediation {
  id: string;
  revision: number;
  name: string;
  why: string;
}

/** What the controller adds to a document that older agents must not run. */
/** Capabilities of this agent beyond the baseline of all agents. */
const KNOWN: readonly string[] = [...FILTER_ABILITIES, BLOCKS_HOSTS];
const needing = z.looseObject({ needsNewerAgent: z.array(z.string()).default([]) });

/**
 * Parses a document as strictly as the controller does, or returns why it cannot: a document understood in part could do the wrong thing.
 */
export function understand({
  id,
  revision,
  document: text,
  limits,
  isApproved,
  delaySeconds,
}: WireRemediation): { remediation: GatewayRemediation } | { refused: RefusedRemediation } {
  let name = id;
  const refuse = (why: string): { refused: RefusedRemediation } => ({ refused: { id, revision, name, why } });
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return refuse('it is not JSON');
  }
  name = z.object({ name: z.string() }).safeParse(raw).data?.name ?? id;
  const { data: { needsNewerAgent: needed, ...written } = { needsNewerAgent: [] }, success: isObject } = needing.safeParse(raw);
  const missing = needed.filter((ability) => !KNOWN.includes(ability));
  if (missing.length > 0) return refuse(`it needs a newer agent, for ${missing.join(', ')}`);
  const parsed = remediationDocument.safeParse(isObject ? written : raw);
  if (!parsed.success) return refuse(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  const document = parsed.data;
  if (!runsOnGateway(document)) return refuse(`its trigger ${document.trigger.kind} is not one that a gateway sees`);
  const read = fillFilter(document.filter, exampleOf(document.trigger.kind));
  if ('problem' in read) return refuse(`filter: ${read.problem.message}`);
  if (read.filter.kind === 'everything') return refuse('filter: it names no flows');
  if (matchesEverything(read.filter)) return refuse('filter: it leaves no flow out');
  return { remediation: { id, revision, document, limits: isApproved ? undefined : limits, delaySeconds } };
}

const tenantLimits = z.object({ flows: z.int().optional(), percentOfTable: z.int().optional() });
const kept = z.array(
  z.object({
    id: z.string(),
    revision: z.int(),
    document: z.string(),
    limits: tenantLimits.optional(),
    isApproved: z.boolean().default(false),
    delaySeconds: z.int().default(0),
  }),
);

/** The gateway's remediations on disk, so that they still apply after a restart without a controller. */
export class RemediationSet {
  readonly #file: string;
  #remediations: GatewayRemediation[] = [];
  #refused: RefusedRemediation[] = [];

  readonly #disk: Disk;

  /** An unreadable file is set aside and reported as refused; the set is empty until the controller sends another. */
  constructor(directory: string, disk = new Disk()) {
    this.#file = path.join(directory, 'set.json');
    this.#disk = disk;
    const set = disk.read(this.#file, (bytes) => {
      try {
        return kept.parse(JSON.parse(bytes.toString('utf8')));
      } catch (error) {
        this.#refused = [{ id: '', revision: 0, name: 'all', why: `${this.#file} cannot be read: ${(error as Error).message}` }];
        throw error;
      }
    });
    if (set) this.#read(set);
  }

  get remediations(): readonly GatewayRemediation[] {
    return this.#remediations;
  }

  get refused(): readonly RefusedRemediation[] {
    return this.#refused;
  }

  /** Replaces the whole set; on disk when it returns. */
  replace(set: readonly WireRemediation[]): void {
    this.#disk.write(this.#file, JSON.stringify(set));
    this.#read(set);
  }

  #read(set: readonly WireRemediation[]): void {
    const read = set.map(understand);
    this.#remediations = read.flatMap((one) => ('remediation' in one ? [one.remediation] : []));
    this.#refused = read.flatMap((one) => ('refused' in one ? [one.refused] : []));
  }
}
