import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { AuthorityRepository } from '../identity/authority.repository.ts';
import { AuthorityStore } from '../identity/authority-store.service.ts';
import type { RootRow } from '../identity/kept.ts';
import { formatRoot, parseRoot } from '../identity/root-export.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { asIs, type Actor } from './authority.service.ts';
import { commonNameOf } from './authority-view.ts';

/**
 * Takes the key of the current root from the machine, and puts it back. It is needed for a new intermediate below it, and for nothing
 * else.
 */
@Injectable()
export class RootKeysService {
  constructor(
    @Inject(AuthorityRepository) private readonly repository: AuthorityRepository,
    @Inject(AuthorityStore) private readonly store: AuthorityStore,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Hands the root to `write` as a file that the passphrase opens, and notes the export once that is done. Throws AUTHORITY_STEP_REFUSED if
   * the key is not here, INVALID_REQUEST for a short passphrase, and what `write` throws.
   */
  async exportRoot(actor: Actor, passphrase: string, write: (text: string) => Promise<void>): Promise<string> {
    const { encryption } = await this.store.key();
    const { id, certificate, sealedKey } = await this.database.transact('all', async (t) => {
      const { root } = await this.current(t);
      if (!root.sealedKey) throw notHere(root);
      return { ...root, sealedKey: root.sealedKey };
    });
    // No transaction waits for the passphrase or a disk.
    await write(await formatRoot({ certificate, key: encryption.open(sealedKey) }, passphrase));
    await this.database.transact('all', async (t) => {
      const { root } = await this.current(t);
      if (root.id !== id) throw refused('The authority was replaced meanwhile; what was written is of the one before.');
      await this.repository.updateRoot(t, id, { exportedAt: new Date(this.clock()) });
      this.record(t, actor, root, 'root-exported', 'exported the key of the root');
    });
    return commonNameOf(certificate);
  }

  /** Forgets the key. Throws AUTHORITY_STEP_REFUSED if it is not here, or was never exported. */
  async removeRoot(actor: Actor): Promise<string> {
    return this.database.transact('all', async (t) => {
      const { root } = await this.current(t);
      if (!root.sealedKey) throw notHere(root);
      if (!root.exportedAt)
        throw refused('The root’s key was never exported, and removing it would lose it. Run authority.js export-root.');
      await this.repository.updateRoot(t, root.id, { sealedKey: null, keyRemovedAt: new Date(this.clock()) });
      this.record(t, actor, root, 'root-removed', 'removed the key of the root from the controller');
      return commonNameOf(root.certificate);
    });
  }

  /** Puts an exported key back. Throws INVALID_REQUEST for a file or passphrase that is not right, or of another root. */
  async importRoot(actor: Actor, text: string, passphrase: string): Promise<string> {
    const { encryption } = await this.store.key();
    const { certificate, key } = await parseRoot(text, passphrase);
    return this.database.transact('all', async (t) => {
      const { root } = await this.current(t);
      if (root.certificate !== certificate)
        throw new FleetError(
          'INVALID_REQUEST',
          `This is the root ${commonNameOf(certificate)}, the current one is ${commonNameOf(root.certificate)}. Nothing was changed.`,
        );
      await this.repository.updateRoot(t, root.id, { sealedKey: encryption.close(key), keyRemovedAt: null });
      this.record(t, actor, root, 'root-imported', 'put the key of the root back');
      return commonNameOf(certificate);
    });
  }

  private async current(t: Transaction): Promise<{ root: RootRow }> {
    const { current } = await this.repository.lock(t);
    return (await this.repository.issuers(t)).find(({ id }) => id === current)!;
  }

  private record(t: Transaction, actor: Actor, { id, certificate }: RootRow, action: string, words: string): void {
    this.audit.record(t, {
      actor: asIs(actor),
      action: `authority.${action}`,
      outcome: 'ok',
      summary: `${actor.name} ${words} ${commonNameOf(certificate)}`,
      detail: { rootId: id },
    });
  }
}

const refused = (why: string): FleetError => new FleetError('AUTHORITY_STEP_REFUSED', why);

function notHere({ source }: RootRow): FleetError {
  if (source === 'adopted')
    return refused('The root is of a version without intermediates: it signs gateways itself, every day. Prepare a new root first.');
  if (source === 'company') return refused('The root is your company’s; its key was never here.');
  return refused('The root’s key is not here: it was removed.');
}
