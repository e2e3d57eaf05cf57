import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { FleetError } from '../../proto/model/error-codes.ts';
import { openAuthorityKey } from '../platform/authority-key.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, type Transaction } from '../platform/database.ts';
import type { Encryption } from '../platform/encryption.ts';
import { newId } from '../platform/ids.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { openStateDir, readIfThere, writePublic } from '../platform/state-dir.ts';
import { Authority } from './authority.ts';
import { AuthorityRepository } from './authority.repository.ts';
import { makeIntermediate, makeRoot, type Keyed } from './certificates.ts';
import type { Issuer, KnownAuthority } from './issuers.ts';
import type { IssuerRow, State } from './kept.ts';
import { AUTHORITY_CHANGED } from './notifications.ts';
import { trustedOf } from './rotation.ts';

/** Where controllers before 0.2 kept their authority. */
const ADOPTED = { key: 'ca.key.pem', certificate: 'ca.cert.pem' } as const;
/** The root that gateways trust, for people to compare: it is nobody's secret. */
const SHOWN_ROOT = 'ca.cert.pem';
const RETRY_MS = 2000;

/** The authority that all controllers of a database share: made or adopted by the first of them, and read again whenever it changes. */
@Injectable()
export class AuthorityStore implements BeforeApplicationShutdown {
  #authority: Authority | undefined;
  #key: { encryption: Encryption; from: string } | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    @Inject(AuthorityRepository) private readonly repository: AuthorityRepository,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Throws an Error with the remedy where the authority cannot be used. */
  async open(): Promise<Authority> {
    await openStateDir(this.config.stateDir);
    const { state, issuers } = (await this.repository.read()) ?? (await this.begin());
    const { encryption } = await this.key();
    this.#authority = await Authority.of(this.known(state, issuers, encryption), state.version, this.config.certificateMs);
    this.notifications.on(
      AUTHORITY_CHANGED,
      () => this.reload(),
      () => this.reload(),
    );
    this.#authority.onChange(() => void this.showRoot());
    await this.showRoot();
    return this.#authority;
  }

  /** What encrypts the authority's keys. Throws an Error with the remedy. */
  async key(): Promise<{ encryption: Encryption; from: string }> {
    return (this.#key ??= await openAuthorityKey(this.config));
  }

  /**
   * Holds the authority as it is until the transaction ends, for whoever signs in it: else an issuer could be retired just before it signs.
   * Throws UNAVAILABLE if this controller does not know its latest change yet.
   */
  async hold(t: Transaction): Promise<void> {
    if ((await this.repository.holdVersion(t)) === this.#authority?.version) return;
    this.reload();
    throw new FleetError('UNAVAILABLE', 'The authority has just changed. Try again.');
  }

  /** Reads what is kept, until that succeeds. */
  reload(): void {
    clearTimeout(this.#retry);
    this.readAgain().catch((error: unknown) => {
      if (this.#isStopped) return;
      this.logger.error({ err: error }, 'the authority changed and could not be read again');
      this.#retry = setTimeout(() => this.reload(), RETRY_MS).unref();
    });
  }

  beforeApplicationShutdown(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  private async readAgain(): Promise<void> {
    const kept = await this.repository.read();
    if (!kept) throw new Error('there is no authority in the database any more');
    const { encryption } = await this.key();
    await this.#authority?.replace(this.known(kept.state, kept.issuers, encryption), kept.state.version);
  }

  /** Throws an Error where a key cannot be decrypted. */
  private known(state: State, rows: IssuerRow[], encryption: Encryption): KnownAuthority {
    const trusted = new Set(trustedOf(state));
    const issuers = rows
      .filter(({ id }) => trusted.has(id))
      .map((row): [string, Issuer & { key: string }] => [row.id, { ...toIssuer(row), key: this.opened(row, encryption) }]);
    return { rotation: { phase: state.phase, current: state.current, next: state.next }, issuers: new Map(issuers) };
  }

  private opened({ sealedKey }: IssuerRow, encryption: Encryption): string {
    if (!sealedKey) throw new Error('the authority lacks the key of an issuer that it trusts');
    try {
      return encryption.open(sealedKey);
    } catch (cause) {
      throw new Error(
        `The authority in the database is encrypted with another key than ${this.#key?.from}. Every controller of a database needs the ` +
          'same: set CTFLEET_AUTHORITY_KEY or CTFLEET_AUTHORITY_KEY_FILE, or put authority.key of the first controller’s state folder ' +
          'into this one’s.',
        { cause },
      );
    }
  }

  /** Makes the first authority, or adopts the one in the state folder, unless another controller did so meanwhile. */
  private async begin(): Promise<{ state: State; issuers: IssuerRow[] }> {
    const adopted = await this.adoptable();
    const { encryption } = await this.key();
    const now = new Date(this.clock());
    return this.database.transact('all', async (t) => {
      await this.repository.lockFirst(t);
      const kept = await this.repository.readIn(t);
      if (kept) return kept;
      const root = adopted ?? (await makeRoot(now.getTime()));
      const rootId = newId();
      const issuer = adopted ?? (await makeIntermediate(root, now.getTime()));
      const source = adopted ? 'adopted' : 'made';
      const { certificate } = root;
      await this.repository.insertRoot(t, {
        id: rootId,
        certificate,
        source,
        createdAt: now,
        sealedKey: adopted ? null : encryption.close(root.key),
      });
      const id = newId();
      const own = { id, rootId, certificate: issuer.certificate, chain: '', createdAt: now };
      await this.repository.insertIssuer(t, { ...own, sealedKey: encryption.close(issuer.key) });
      await this.repository.insertState(t, { phase: 'steady', current: id }, now);
      await this.repository.adoptGateways(t, id);
      this.logger.info({ source }, 'the authority is in the database');
      return (await this.repository.readIn(t))!;
    });
  }

  /** The authority that a controller before 0.2 left in the state folder. Throws an Error if its two files do not belong together. */
  private async adoptable(): Promise<Keyed | undefined> {
    const { stateDir } = this.config;
    const key = await readIfThere(stateDir, ADOPTED.key);
    if (key === undefined) return undefined;
    const certificate = await readIfThere(stateDir, ADOPTED.certificate);
    if (certificate !== undefined && new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
      return { key, certificate: `${certificate.trim()}\n` };
    throw new Error(
      `${ADOPTED.key} in ${stateDir} is not the key of ${ADOPTED.certificate} beside it. Put both back from one copy; without them every ` +
        `gateway must be enrolled again, and ${ADOPTED.key} can be removed.`,
    );
  }

  /** Not beside the key of an adopted authority: there the certificate is that key's. */
  private async showRoot(): Promise<void> {
    const { stateDir } = this.config;
    if ((await readIfThere(stateDir, ADOPTED.key)) === undefined) await writePublic(stateDir, SHOWN_ROOT, this.#authority!.root);
  }
}

function toIssuer({ id, certificate, chain, root }: IssuerRow): Issuer {
  return { id, certificate, chain, root: root.certificate };
}
