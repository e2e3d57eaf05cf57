import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { exportAudit, verifyAudit } from '../../proto/http/audit.ts';
import { toSafeJson } from '../../proto/model/text.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { AuditRepository } from './audit.repository.ts';
import { ChainCheck, type Break } from './chain.ts';
import { isGenuine, type Checkpoint } from './checkpoint.ts';
import { CheckpointsRepository, type Head } from './checkpoints.repository.ts';
import { CheckpointsService } from './checkpoints.service.ts';
import { toHashed, type NamedEntry } from './entry-row.ts';
import { FORMATS } from './formats.ts';
import { AUDIT_KEY, type AuditKey } from './signature.ts';
import { isGenuineStub, type Stub } from './stub.ts';
import { StubsRepository } from './stubs.repository.ts';
import { TrailWriter } from './trail.ts';

const BATCH = 500;
type Verdict = z.output<typeof verifyAudit.response>;
type ChainVerdict = Verdict['chains'][number];

/** Reads chains from end to end: to verify them, and to write them down for others. In batches, so that memory does not grow with them. */
@Injectable()
export class TrailsService {
  constructor(
    @Inject(AuditRepository) private readonly entries: AuditRepository,
    @Inject(CheckpointsRepository) private readonly checkpoints: CheckpointsRepository,
    @Inject(StubsRepository) private readonly stubs: StubsRepository,
    @Inject(CheckpointsService) private readonly heads: CheckpointsService,
    @Inject(Database) private readonly database: Database,
    @Inject(AUDIT_KEY) private readonly key: AuditKey,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Follows every chain in scope from its first entry to its head, and holds it against its checkpoints. */
  async verify(scope: TenantScope): Promise<Verdict> {
    const heads = await this.database.transact(scope, (t) => this.checkpoints.heads(t));
    const stubs = await this.database.transact(scope, (t) => this.stubs.newest(t));
    const names = await this.entries.tenantNames(scope);
    const chains: ChainVerdict[] = [];
    for (const head of heads) chains.push({ ...(await this.verifyChain(scope, head, stubs.get(head.chain))), tenantName: head.tenantId === null ? undefined : names.get(head.tenantId) });
    return { checkedAt: new Date(this.clock()).toISOString(), isIntact: chains.every((chain) => chain.isIntact), chains };
  }

  /** What the trail knows of entries that somebody names: their hashes by `CHAIN SEQ`, and what each of the chains begins with since older entries went. */
  async known(entries: readonly { chain: string; seq: bigint }[]): Promise<{ hashes: Map<string, string>; stubs: Map<string, Stub> }> {
    const hashes = await this.entries.hashesOf('all', [...entries]);
    return { hashes, stubs: await this.database.transact('all', (t) => this.stubs.newest(t, entries.map(({ chain }) => chain))) };
  }

  /** The trail as text, line by line. NDJSON can be verified by anyone with the public key; the other formats are for reading. */
  async *export(scope: TenantScope, { format, from, to, tenant }: z.output<typeof exportAudit.query>): AsyncGenerator<string, void, void> {
    const { begin, line } = FORMATS[format];
    if (format === 'ndjson') await this.heads.make();
    const writer = new TrailWriter(this.key);
    if (begin !== undefined) yield `${begin}\n`;
    const stubs = await this.database.transact(scope, (t) => this.stubs.newest(t));
    for (const head of await this.database.transact(scope, (t) => this.checkpoints.heads(t))) {
      if (tenant !== undefined && head.tenantId !== tenant) continue;
      const span = await this.entries.spanBetween(scope, head.chain, from, to);
      if (!span) continue;
      const stub = stubs.get(head.chain);
      if (format === 'ndjson' && stub?.seq === span.first - 1) yield `${writer.stub(stub)}\n`;
      for await (const entry of this.chain(scope, head.chain, span)) yield `${line ? line(entry) : toSafeJson(writer.entry(toHashed(entry)))}\n`;
      if (format !== 'ndjson') continue;
      for (const checkpoint of await this.database.transact(scope, (t) => this.checkpoints.between(t, head.chain, span.first, span.last))) yield `${writer.checkpoint(checkpoint)}\n`;
    }
    if (format === 'ndjson') yield `${writer.end(new Date(this.clock()).toISOString())}\n`;
  }

  private async verifyChain(scope: TenantScope, { chain, tenantId, seq, hash }: Head, stub: Stub | undefined): Promise<ChainVerdict> {
    const first = (stub?.seq ?? 0) + 1;
    const check = new ChainCheck(stub && { seq: first, previousHash: stub.hash });
    const marks = await this.database.transact(scope, (t) => this.checkpoints.between(t, chain, first, Number.MAX_SAFE_INTEGER));
    let next = 0;
    const verdict = (found?: Break): ChainVerdict => ({ chain, tenantId: tenantId ?? undefined, entries: check.head.seq, checkpoints: next, isIntact: found === undefined, firstBreak: found, dropped: stub && { upTo: stub.seq, at: stub.at } });
    if (stub && stub.keyId === this.key.id && !isGenuineStub(stub, this.key.publicPem)) return verdict({ seq: stub.seq, why: 'entries up to it were taken away, and the signature for that is not ours' });
    for await (const entry of this.chain(scope, chain, { first, last: seq })) {
      const found = check.add(toHashed(entry));
      if (found) return verdict(found);
      for (; marks[next]?.seq === check.head.seq; next++) {
        const broken = this.whyNot(marks[next]!, check.head.hash);
        if (broken !== undefined) return verdict({ seq: check.head.seq, id: entry.id, why: broken });
      }
    }
    if (check.head.seq < seq || check.head.hash !== hash) return verdict({ seq: check.head.seq + 1, why: 'entries are missing from its end' });
    return verdict(next < marks.length ? { seq: check.head.seq + 1, why: `a checkpoint was signed for entry ${marks[next]!.seq}, which is not there` } : undefined);
  }

  private whyNot(mark: Checkpoint, hash: string): string | undefined {
    if (mark.keyId === this.key.id && !isGenuine(mark, this.key.publicPem)) return 'the checkpoint’s signature is not ours';
    return mark.hash === hash ? undefined : 'the entry is not the one that the checkpoint names';
  }

  private async *chain(scope: TenantScope, chain: string, { first, last }: { first: number; last: number }): AsyncGenerator<NamedEntry, void, void> {
    for (let next = first; next <= last;) {
      const batch = await this.entries.batch(scope, chain, next, Math.min(last, next + BATCH - 1));
      yield* batch;
      next += BATCH;
    }
  }
}
