import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { saveIdentity } from '../../agent/link/identity.ts';
import { RemediationSet } from '../../agent/remediations/remediation-set.ts';
import { WanEvent } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { RemediationRun, type Remediation } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { runIn, spawnIn } from '../lab/namespace.ts';

const MAIN = path.join(import.meta.dirname, '../../build/agent/main.js');
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Puts into a state folder what enrolment would have put there, with a controller that nobody runs. */
export async function loneIdentity(gatewayName: string, stateDir: string): Promise<void> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = (await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=nobody', keys, signingAlgorithm: EC })).toString(
    'pem',
  );
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  saveIdentity(stateDir, {
    gatewayId: '01900000-0000-7000-8000-000000000001',
    gatewayName,
    linkAddress: '[fd42:c7f1::1]:4444',
    key,
    certificate,
    ca: certificate,
  });
}

/** The built agent in a gateway of the lab, enrolled with a controller that nobody runs. */
export class LoneAgent {
  readonly #child: ChildProcess;
  readonly #namespace: string;
  readonly #stateDir: string;

  private constructor(namespace: string, stateDir: string, child: ChildProcess) {
    [this.#namespace, this.#stateDir, this.#child] = [namespace, stateDir, child];
  }

  /** Starts it with remediations given to it earlier. `wanted`: addresses whose probes must be answered before it counts as ready. */
  static async start(namespace: string, stateDir: string, set: Remediation[]): Promise<LoneAgent> {
    await loneIdentity(namespace, stateDir);
    mkdirSync(path.join(stateDir, 'remediations'), { mode: 0o700, recursive: true });
    new RemediationSet(path.join(stateDir, 'remediations')).replace(set);
    const env = { ...process.env, CTFLEET_STATE_DIR: stateDir, CTFLEET_LOG_LEVEL: process.env.CTFLEET_TEST_LOG ?? 'silent' };
    return new LoneAgent(
      namespace,
      stateDir,
      spawnIn(namespace, process.execPath, [MAIN, 'run'], { stdio: ['ignore', 'inherit', 'inherit'], env }),
    );
  }

  /** True once its probes from these addresses are answered. */
  hearsFrom(addresses: string[]): boolean {
    const answered = runIn(this.#namespace, 'conntrack', ['-L', '-p', 'icmp'])
      .split('\n')
      .filter((line) => !line.includes('[UNREPLIED]'));
    return addresses.every((address) => answered.some((line) => line.includes(`src=${address} `)));
  }

  /** Runs that it has on record, oldest first; with the outcomes of their flows, but without the flows. */
  get runs(): RemediationRun[] {
    return this.#records('remediations/runs').map((bytes) => RemediationRun.decode(bytes));
  }

  /** Failovers that it has on record, oldest first. */
  get wanEvents(): WanEvent[] {
    return this.#records('wan-events').map((bytes) => WanEvent.decode(bytes));
  }

  /** Without any chance to write something. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  async end(): Promise<void> {
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }

  /** Only read: what the agent is about to write stays as it is. */
  #records(folder: string): Buffer[] {
    const directory = path.join(this.#stateDir, folder);
    if (!existsSync(directory)) return [];
    return readdirSync(directory)
      .filter((name) => !name.endsWith('.part'))
      .sort()
      .map((name) => readFileSync(path.join(directory, name)));
  }
}
