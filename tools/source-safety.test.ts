import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSources, type SourceFile } from './architecture/source-files.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const product = readSources(ROOT).filter(({ path }) => /^(?:agent|controller|web|client|proto)\//.test(path));
const without = (text: string): string => text.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');

/** The files in which the pattern occurs outside comments. */
function filesWith(pattern: RegExp, isIn: (file: SourceFile) => boolean = () => true): string[] {
  return product
    .filter((file) => isIn(file) && pattern.test(without(file.text)))
    .map(({ path }) => path)
    .toSorted();
}
const importing = (...names: string[]): string[] =>
  product.filter(({ imports }) => imports.some(({ target }) => names.includes(target))).map(({ path }) => path);
const inWeb = ({ path }: SourceFile): boolean => path.startsWith('web/');

describe('the sources', () => {
  it('are all read', () => expect(product.length).toBeGreaterThan(400));

  it('execute no text: no eval, no generated functions, no virtual machines', () => {
    expect(filesWith(/\beval\s*\(|\bnew Function\b|\bFunction\s*\(/)).toEqual([]);
    expect(importing('node:vm', 'vm')).toEqual([]);
  });

  it('start programs in three places, by name and list of arguments, and no shell but with a text that is a constant', () => {
    expect(importing('node:child_process', 'child_process').toSorted()).toEqual([
      'agent/firewall/tables/nft.ts',
      // What waits for this program's own watchdog to be due, or systemd's timer for it.
      'agent/policies/applying/dead-man.ts',
      // This program's own workers.
      'agent/simulate/main.ts',
    ]);
    expect(filesWith(/\bshell\s*:|\bexecSync\b|\bexec\(\s*[`'"]/)).toEqual([]);
    // The words of the script are a constant, and what differs is told to it as arguments.
    expect(filesWith(/'\/bin\/sh'/)).toEqual(['agent/policies/applying/dead-man.ts']);
    expect(filesWith(/(?<!\\)\$\{/, ({ path }) => path.endsWith('wait-script.ts'))).toEqual([]);
  });

  it('give Postgres values as parameters: SQL is never put together from text of a request', () => {
    expect(filesWith(/\$(?:query|execute)RawUnsafe/)).toEqual([]);
    // Names of columns and tables from lists in the code.
    expect(filesWith(/Prisma\.raw\(/)).toEqual([
      'controller/alerts/alert-states.repository.ts',
      'controller/alerts/preview.repository.ts',
      'controller/audit/chain-names.repository.ts',
      'controller/history/roll-up.repository.ts',
      'controller/history/samples.repository.ts',
    ]);
  });

  it('put text into pages as text: no markup from strings', () => {
    expect(
      filesWith(/dangerouslySetInnerHTML|\.(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|createContextualFragment/),
    ).toEqual([]);
  });

  it('keep nothing in the browser but what it keeps itself: no storage, no cookie of scripts', () => {
    expect(filesWith(/\b(?:localStorage|sessionStorage|indexedDB)\b|document\.cookie|caches\.open/, inWeb)).toEqual([]);
  });

  it('open no side door in the browser: no messages between windows, no sockets, no other origin', () => {
    expect(filesWith(/\bpostMessage\b|addEventListener\(\s*['"]message['"]|\bWebSocket\b|\bRTCPeerConnection\b/, inWeb)).toEqual([]);
    expect(filesWith(/(?:src|href|action)=["'{`]+(?:https?:)?\/\//, inWeb)).toEqual([]);
    expect(filesWith(/url\(\s*['"]?https?:|@import\s+['"]https?:/, inWeb)).toEqual([]);
  });

  it('parse neither XML nor serialised objects', () => {
    expect(importing('fast-xml-parser', 'xml2js', 'libxmljs', 'node-serialize', 'xmldom', '@xmldom/xmldom')).toEqual([]);
    expect(filesWith(/\bDOMParser\b|\bdeserialize\(/, ({ path }) => !path.startsWith('proto/gen'))).toEqual([]);
  });

  it('use SHA-256, HMAC with it, AES-256-GCM and P-256 only, from Node’s own library', () => {
    const used = product.flatMap(({ text }) =>
      [...without(text).matchAll(/create(?:Hash|Hmac|Cipheriv|Decipheriv)\(\s*'([^']+)'/g)].map(([, name]) => name!),
    );
    // Lists of breached passwords are published as sums of SHA-1; nothing is protected by it.
    expect([...new Set(used)].toSorted()).toEqual(['aes-256-gcm', 'sha1', 'sha256']);
    expect(filesWith(/create(?:Hash|Hmac|Cipheriv|Decipheriv)\(\s*[^'\s)]/)).toEqual([]);
    expect(filesWith(/RSASSA-PKCS1|RSAES|['"](?:md5|sha1|SHA-1|aes-\d+-(?:cbc|ecb|ctr))['"]/i)).toEqual([
      // It refuses a company's certificate that is signed with SHA-1.
      'controller/identity/issuers.ts',
      'controller/platform/breached-passwords.ts',
    ]);
  });

  it('take what nobody may guess from the system’s random numbers; others only spread times', () => {
    expect(
      filesWith(/Math\.random/).filter(
        (file) =>
          ![
            'agent/main.ts',
            'agent/owner-commands.ts',
            'agent/simulate/worker.ts',
            'client/subscribe.ts',
            'controller/link/link.grpc.ts',
          ].includes(file),
      ),
    ).toEqual([]);
  });

  it('compare secrets in constant time, in one place for each kind', () => {
    expect(filesWith(/timingSafeEqual/)).toEqual([
      'controller/access/passkey-challenge.ts',
      'controller/platform/secret.ts',
      'controller/remediations/hook-signature.ts',
    ]);
  });

  it('accept a certificate that OpenSSL refuses in two places, where a stricter check of ours follows', () => {
    expect(filesWith(/rejectUnauthorized\s*:\s*false/).toSorted()).toEqual(['agent/link/enrol.ts', 'controller/platform/grpc-listener.ts']);
    expect(filesWith(/NODE_TLS_REJECT_UNAUTHORIZED|checkServerIdentity\s*:\s*\(\)\s*=>/)).toEqual([]);
  });

  it('contain no key and no password', () => {
    expect(
      filesWith(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\\n]*[A-Za-z0-9+/]{20}|AKIA[0-9A-Z]{16}|ghp_\w{36}|whsec_[A-Za-z0-9+/]{20}/),
    ).toEqual([]);
    // One word of letters is a label.
    expect(filesWith(/(?:password|secret)\s*[:=]\s*'(?![a-z]{1,12}')[^']{6,}'/i)).toEqual([]);
  });

  it('never put a secret into an address', () => {
    const schemas = product.filter(({ path }) => path.startsWith('proto/http/'));
    for (const { path, text } of schemas)
      for (const [, block] of without(text).matchAll(/query:\s*z\.(?:strict)?[oO]bject\(\{([^}]*)\}/g))
        expect([path, /\b(?:password|secret|token|cookie|key)\s*:/i.test(block!)]).toEqual([path, false]);
  });
});

describe('fields for passwords', () => {
  const fields = product
    .filter(inWeb)
    .flatMap(({ path, text }) =>
      [...text.matchAll(/<input[^]*?\/>/g)].map(([input]) => input).flatMap((input) => (/password/i.test(input) ? [{ path, input }] : [])),
    );
  it('hide what is typed, and let password managers and the clipboard fill them', () => {
    expect(fields.length).toBeGreaterThanOrEqual(2);
    for (const { path, input } of fields) {
      expect([path, input]).toEqual([path, expect.stringContaining('type="password"')]);
      expect([path, input]).toEqual([path, expect.stringMatching(/autoComplete=(?:"|\{isNew \? ')(?:current|new)-password/)]);
    }
    expect(filesWith(/onPaste|onBeforeInput/, inWeb)).toEqual([]);
  });

  it('are all there is to prove who one is: no hints and no questions', () => {
    expect(filesWith(/security question|password hint|mother['’]s maiden/i)).toEqual([]);
  });
});

it('an image of a container gets neither the history of the sources nor settings', () => {
  const given = readFileSync(path.join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(given[0]).toBe('*');
  expect(given.filter((line) => /^!.*(?:\.git|\.env|\.ctfleet|test)/.test(line))).toEqual([]);
  expect(given).toEqual(expect.arrayContaining(['**/.env*', '**/*.test.ts']));
});
