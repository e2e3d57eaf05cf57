import { readFileSync, globSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const CONTROLLER = path.join(import.meta.dirname, '..');
/** What writes a row that the view of a gateway is made of. */
const WRITES =
  /\.(?:gateway|linkSession)\.(?:create|update|upsert|delete)\w*\(|(?:INSERT INTO|UPDATE|DELETE FROM) (?:gateway|link_session|sample)\b/g;

/** By file: how many statements write such rows, and who sends the notice for them, or why none is needed. */
const WRITERS: Record<string, [statements: number, notice: string[] | string]> = {
  'enrolment/enrolment.repository.ts': [3, ['enrolment/enrolment.service.ts', 'enrolment/joining.service.ts']],
  'flushes/commands.repository.ts': [2, 'the sequence of commands is not shown'],
  'gateways/gateways.repository.ts': [6, ['gateways/gateways.service.ts', 'history/ingest.service.ts']],
  'history/samples.repository.ts': [1, ['history/ingest.service.ts']],
  'identity/authority.repository.ts': [1, 'the issuer of a certificate is not shown'],
  'link/link.repository.ts': [
    9,
    [
      'link/hellos.service.ts',
      'link/link.service.ts',
      'link/renewals.service.ts',
      'link/set-asides.service.ts',
      'peers/replicas.service.ts',
    ],
  ],
};

const read = (file: string): string => readFileSync(path.join(CONTROLLER, file), 'utf8');

it('every writer of what lists show is known, and sends a notice or says why it need not', () => {
  const files = globSync('**/*.ts', { cwd: CONTROLLER, exclude: (name) => name === 'generated' || name.endsWith('.test.ts') });
  const found = files.flatMap((file) => {
    const statements = read(file).match(WRITES)?.length ?? 0;
    return statements > 0 ? [[file, statements]] : [];
  });
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(Object.entries(WRITERS).map(([file, [statements]]) => [file, statements])));
  for (const [, notice] of Object.values(WRITERS))
    expect((typeof notice === 'string' ? [] : notice).filter((file) => !read(file).includes('GATEWAY_CHANGED'))).toEqual([]);
});
