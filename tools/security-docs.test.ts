import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_PASSWORD_LENGTH } from '../controller/access/password.ts';
import { SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS, SIGN_IN_PAIR } from '../controller/access/rate-limits.ts';
import { readConfig } from '../controller/platform/config.ts';
import { MAX_BODY_BYTES } from '../controller/platform/request-checks.ts';
import { MIN_PASSWORD_LENGTH } from '../proto/http/people.ts';
import { SIGN_IN_ROUTES } from '../proto/http/sign-in.ts';
import { ROLES } from '../proto/model/access.ts';
import { readSources } from './architecture/source-files.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8');
const controls = read('docs/security/controls.md').replaceAll(/\s+/g, ' ');
const operating = read('docs/operating.md');
const config = readConfig({ CTFLEET_DATABASE_URL: 'postgresql://a@b/c' });
const minutes = (limit: { seconds: number }): number => limit.seconds / 60;

describe('docs/security/controls.md', () => {
  it('has the rules of input with the numbers of the code', () => {
    expect(controls).toContain(
      `at most ${MAX_BODY_BYTES / 2 ** 20} MiB, ${/MAX_DEPTH = (\d+)/.exec(read('controller/platform/request-checks.ts'))![1]} levels`,
    );
    expect(controls).toContain('at most 256 KiB, decoded from protobuf');
    expect(read('controller/platform/grpc-listener.ts')).toContain('MAX_MESSAGE_BYTES = 256 * 1024');
  });

  it('has the consistency of values, and the limits of what one may do', () => {
    for (const rule of [
      'a span begins before it ends',
      'a filter or `all`, not both',
      'the digest of the plan',
      '5,000 idempotency keys a day',
    ])
      expect(controls).toContain(rule);
  });

  it('has the rules of passwords and of guesses with the numbers of the code', () => {
    expect(controls).toContain(`| password | ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters`);
    expect(controls).toContain(
      `${SIGN_IN_PAIR.tries} in ${minutes(SIGN_IN_PAIR)} minutes for one account from one address, ${SIGN_IN_ADDRESS.tries} for one address, ` +
        `${SIGN_IN_ACCOUNT.tries} in ${minutes(SIGN_IN_ACCOUNT)} minutes for one account`,
    );
    expect(controls).toContain('those who signed in from an address before are not delayed');
    expect(controls).toContain('words that are refused in a password | `ctfleet`, the person');
  });

  it('has the lives of sessions and tokens with the numbers of the code', () => {
    expect(read('controller/access/auth.ts')).toContain('SESSION_SECONDS = 12 * 3600');
    expect(controls).toContain('ends 12 hours after the sign-in');
    expect(controls).toContain('sessions at a time | any number');
    expect(read('proto/http/access.ts')).toContain('.max(366)');
    expect(controls).toContain('at most 366 days');
  });

  it('names every way to sign in that there is', () => {
    const begun = Object.keys(SIGN_IN_ROUTES).flatMap((route) => /^POST \/([^/]+)/.exec(route)?.[1] ?? []);
    expect([...new Set(begun)]).toEqual([
      'sign-in',
      'sign-out',
      'change-password',
      'forgot-password',
      'look-at-link',
      'use-link',
      'two-factor',
      'passkey',
    ]);
    expect(controls).toContain(
      'a password, with a code of an app or a recovery code where set up or demanded; a passkey; a company’s directory (OpenID Connect); a link that works once (invitation, reset); an API token or a service account for programs. No other',
    );
  });

  it('says who may see and change which fields, beside a table of roles that is whole', () => {
    for (const role of ROLES) expect(operating).toContain(`\n| ${role} |`);
    expect(controls).toContain('Fields that somebody may write are those of the route');
  });

  it('lists every kind of key and algorithm that the sources use', () => {
    const used = readSources(ROOT)
      .filter(({ path }) => /^(?:agent|controller|web)\//.test(path))
      .map(({ text }) => text)
      .join('\n');
    for (const [inCode, inDocs] of [
      [/namedCurve: 'P-256'/, 'ECDSA P-256'],
      [/'ed25519'/i, 'Ed25519'],
      [/'aes-256-gcm'/, 'AES-256-GCM'],
      [/createHash\('sha256'/, 'SHA-256'],
      [/pbkdf2Sync/, 'SCRAM-SHA-256'],
    ] as const) {
      expect(used).toMatch(inCode);
      expect(controls).toContain(inDocs);
    }
    const files = [...used.matchAll(/readOrCreate\(\s*[\w.]+,\s*'([^']+)'/g)].map(([, name]) => name!);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files.filter((name) => /key|secret/.test(name)))
      expect(controls + operating).toMatch(new RegExp(file.split('.')[0]!));
  });

  it('lists who talks to whom, to every port and service of the settings', () => {
    for (const port of [config.enrol.port, config.link.port]) expect(controls).toContain(String(port));
    for (const service of ['Postgres', 'Redis', 'console and API', 'probe targets']) expect(controls).toContain(service);
    expect(controls).toContain('it dials no other address that a person, a gateway or a webhook names');
  });

  it('says what needs much and how that is bounded', () => {
    expect(controls).toContain(`A search waits ${config.searchDeadlineMs / 1000} s for gateways`);
    expect(controls).toContain('every wait for Postgres is bounded');
  });

  it('classifies data, with the days of retention of the settings', () => {
    for (const kind of ['secret', 'personal', 'operational', 'evidence']) expect(controls).toContain(`| ${kind} |`);
    expect(controls).toContain(`flows ${config.retain.flowsDays} days, trail ${config.retain.auditDays} days`);
  });

  it('lists every log', () => {
    for (const log of ['audit trail', 'controller, agent, console', 'metrics']) expect(controls).toContain(`| ${log} |`);
    const writers = readSources(ROOT).filter(
      ({ path, text }) => path.startsWith('controller/') && /\bdestination\(|pino\(|createWriteStream/.test(text),
    );
    expect(writers.map(({ path }) => path)).toEqual(['controller/platform/logger.ts']);
  });

  it('says within how many days a vulnerable package is replaced', () => {
    expect(controls).toMatch(/within 3 days if it is critical, 7 if it is high, 30 otherwise/);
  });
});
