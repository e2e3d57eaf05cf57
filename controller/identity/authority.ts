import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { X509Certificate } from 'node:crypto';
import { rootName } from '../../proto/model/link-names.ts';
import type { ListenerTls } from '../platform/grpc-listener.ts';
import { DAY_MS, importKey, makeReplica, makeServer, pinOf, signLeaf } from './certificates.ts';
import { formatSpiffe, formatSubject, type GatewayIdentity } from './gateway-identity.ts';
import { formatReplica } from './replica-identity.ts';
import { certificatesIn, chainOf, type Issuer, type KnownAuthority } from './issuers.ts';
import { signerOf, trustedOf } from './rotation.ts';

/** Provider token of the certificate authority. */
export const AUTHORITY = Symbol('authority');

/** A gateway's certificate with its chain up to but without the root, its end, and who issued it. */
export interface Issued {
  certificatePem: string;
  notAfter: Date;
  issuerId: string;
}

interface Signing extends Issuer {
  key: CryptoKey;
  parsed: X509Certificate;
}

/**
 * Signs the certificates of gateways and of the controller itself, with issuers that all controllers of a database share
 * (authority-store.service.ts, which replaces what is known here whenever it changes).
 */
export class Authority {
  readonly #gatewayMs: number;
  readonly #listeners = new Set<() => void>();
  #known: KnownAuthority;
  #version: number;
  #issuers: ReadonlyMap<string, Signing>;

  private constructor(known: KnownAuthority, version: number, issuers: ReadonlyMap<string, Signing>, gatewayMs: number) {
    [this.#known, this.#version, this.#issuers, this.#gatewayMs] = [known, version, issuers, gatewayMs];
  }

  /** `gatewayMs`: the life of gateways' certificates. Throws for a key that cannot be read or is not its certificate's. */
  static async of(known: KnownAuthority, version = 1, gatewayMs = 7 * DAY_MS): Promise<Authority> {
    return new Authority(known, version, await readIssuers(known), gatewayMs);
  }

  /** What is known from now on. Throws as `of` does, and keeps what it had. */
  async replace(known: KnownAuthority, version: number): Promise<void> {
    if (version <= this.#version) return;
    const issuers = await readIssuers(known);
    if (version <= this.#version) return;
    [this.#known, this.#version, this.#issuers] = [known, version, issuers];
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Counts the changes of all controllers. */
  get version(): number {
    return this.#version;
  }

  /**
   * For a gateway, PEM: who signs first, as agents of 0.1.0 verify their certificate with the first, then the roots to trust, that of who
   * signs first.
   */
  get pem(): string {
    const signer = this.#signer;
    return signer.certificate === signer.root ? this.roots : signer.certificate + this.roots;
  }

  /** The roots that gateways are to trust, PEM; that of who signs first. */
  get roots(): string {
    return [...new Set(this.#trusted.map(({ root }) => root))].join('');
  }

  /** The root that every gateway trusts and join tokens pin, PEM. */
  get root(): string {
    return this.#current.root;
  }

  /** SHA-256 of that root's public key (SPKI), base64url: the pin of a join token. */
  get pin(): string {
    return pinOf(this.root);
  }

  /** The id of who signs gateways. */
  get signerId(): string {
    return this.#signer.id;
  }

  /**
   * What this controller's listeners present: chains up to and with the root, so that an agent can check its key against a pin. By default
   * that of the current issuer, which every gateway trusts; that of the next to those that name its root (SNI).
   */
  async issueServer(nowMs: number): Promise<ListenerTls> {
    const signer = this.#signer;
    return {
      ...(await present(this.#current, nowMs)),
      byName:
        signer === this.#current
          ? []
          : [{ name: rootName(Buffer.from(pinOf(signer.root), 'base64url')), ...(await present(signer, nowMs)) }],
    };
  }

  /** What a replica presents to the others, as server and as client, with whom it accepts. The key is nowhere else. */
  async issueReplica(replicaId: string, nowMs: number): Promise<ListenerTls & Required<Pick<ListenerTls, 'clients'>>> {
    const issuer = this.#current;
    const { certificate, key } = await makeReplica(issuer, issuer.key, formatReplica(replicaId), nowMs);
    return { chain: certificate + chainOf(issuer) + issuer.root, key, clients: this.clients };
  }

  /** Whose certificates a listener for gateways or replicas accepts. */
  get clients(): NonNullable<ListenerTls['clients']> {
    return {
      trusted: this.#trusted.map((issuer) => chainOf(issuer) + issuer.root).join(''),
      issuers: this.#trusted.map(({ certificate }) => certificate),
    };
  }

  /** A gateway's certificate, for a proven key. */
  async issueGateway(publicKey: x509.PublicKey, identity: GatewayIdentity, generation: number, nowMs: number): Promise<Issued> {
    const signer = this.#signer;
    const certificate = await signLeaf(signer, signer.key, {
      publicKey,
      subject: formatSubject(identity, generation),
      nowMs,
      lifeMs: this.#gatewayMs,
      extensions: [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: formatSpiffe(identity) }]),
      ],
    });
    return { certificatePem: `${certificate.toString('pem')}\n${chainOf(signer)}`, notAfter: certificate.notAfter, issuerId: signer.id };
  }

  /** The id of the trusted issuer that signed a certificate (DER); undefined if none did. */
  issuerOf(certificate: Uint8Array): string | undefined {
    const leaf = new X509Certificate(certificate);
    return this.#trusted.find(({ parsed }) => leaf.checkIssued(parsed) && leaf.verify(parsed.publicKey))?.id;
  }

  isTrusted(issuerId: string): boolean {
    return trustedOf(this.#known.rotation).includes(issuerId);
  }

  get #current(): Signing {
    return this.#issuers.get(this.#known.rotation.current)!;
  }

  get #signer(): Signing {
    return this.#issuers.get(signerOf(this.#known.rotation))!;
  }

  get #trusted(): Signing[] {
    return trustedOf(this.#known.rotation).map((id) => this.#issuers.get(id)!);
  }
}

async function present(issuer: Signing, nowMs: number): Promise<{ chain: string; key: string }> {
  const { certificate, key } = await makeServer(issuer, issuer.key, nowMs);
  return { chain: certificate + chainOf(issuer) + issuer.root, key };
}

async function readIssuers({ rotation, issuers }: KnownAuthority): Promise<ReadonlyMap<string, Signing>> {
  const read = new Map<string, Signing>();
  for (const id of trustedOf(rotation)) {
    const issuer = issuers.get(id);
    if (!issuer) throw new Error('the authority names an issuer that it does not have');
    const [certificate] = certificatesIn(issuer.certificate);
    read.set(id, { ...issuer, key: await importKey(issuer.key), parsed: new X509Certificate(certificate!) });
  }
  return read;
}
