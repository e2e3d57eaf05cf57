import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BreachedPasswords } from './breached-passwords.ts';

let folder: string;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'ctfleet-breached-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sum = (password: string): string => createHash('sha1').update(password).digest('hex').toUpperCase();

async function fileOf(text: string): Promise<string> {
  const file = path.join(folder, `list-${++files}.txt`);
  await writeFile(file, text);
  return file;
}

describe('the list of breached passwords', () => {
  it('has exactly the passwords whose sums are in it, wherever they are, with counts of any length and either line end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ maxLength: 10 }), { minLength: 1, maxLength: 60 }),
        fc.array(fc.nat(2_000_000_000), { minLength: 1, maxLength: 10 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (passwords, counts, end, endsOpen) => {
          const lines = passwords
            .map(sum)
            .toSorted()
            .map((hash, at) => `${hash}:${counts[at % counts.length]}`);
          const list = await BreachedPasswords.open(await fileOf(lines.join(end) + (endsOpen ? '' : end)));
          for (const password of passwords) expect(await list!.has(password)).toBe(true);
          for (const password of passwords)
            expect(await list!.has(`${password} and more`)).toBe(passwords.includes(`${password} and more`));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is refused at start where it is not there, empty, not in order, or something else, with the reason', async () => {
    const refused = async (text: string): Promise<string> =>
      BreachedPasswords.open(await fileOf(text)).then(
        () => 'accepted',
        (error: Error) => error.message,
      );
    await expect(BreachedPasswords.open(path.join(folder, 'none'))).rejects.toThrow(
      /CTFLEET_BREACHED_PASSWORDS_FILE: .*none cannot be read/,
    );
    expect(await refused('')).toContain('is empty');
    expect(await refused('password\n123456\n')).toContain('not HASH:COUNT');
    const many = Array.from({ length: 500 }, (_, at) => sum(`p${at}`)).toSorted();
    expect(await refused(`${many.join(':1\n')}:1\n`)).toBe('accepted');
    expect(await refused(`${many.toReversed().join(':1\n')}:1\n`)).toContain('not in order');
    expect(await refused('x'.repeat(10_000))).toContain('not HASH:COUNT');
    expect(await BreachedPasswords.open(undefined)).toBeUndefined();
  });

  it('that cannot be read any more lets no password pass', async () => {
    const file = await fileOf(`${sum('a')}:1\n`);
    const list = await BreachedPasswords.open(file);
    await rm(file);
    await expect(list!.has('b')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
