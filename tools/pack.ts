// node tools/pack.ts PROGRAM FOLDER: copies a built program with only the packages that it imports, for its container image.
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { packagesFor, UNREAD } from './packages.ts';
import { fail, say } from './say.ts';
import { ROOT } from './set-up.ts';

/** What a program needs without importing it: files, and packages loaded dynamically by other packages (BullMQ loads ioredis). */
const EXTRAS: Record<string, { files: string[]; packages: string[] }> = {
  agent: { files: [], packages: [] },
  controller: { files: ['prisma/migrations'], packages: ['ioredis'] },
};

const [program = '', folder = ''] = process.argv.slice(2);
const extras = EXTRAS[program];
if (!extras || folder === '') fail(`Name the program and the target: node tools/pack.ts ${Object.keys(EXTRAS).join('|')} FOLDER`);

const code = [`build/${program}`, 'build/proto'];
const needed = packagesFor(code, extras.packages);
mkdirSync(folder, { recursive: true });
for (const place of [...code, ...extras.files, 'package.json', ...needed]) {
  const from = path.join(ROOT, place);
  // Nested packages are copied by their own path if needed.
  cpSync(from, path.join(folder, place), {
    recursive: true,
    filter: (source) => !UNREAD.test(source) && !source.slice(from.length).includes(`${path.sep}node_modules`),
  });
}
say(`${program} needs ${needed.size} packages`);
