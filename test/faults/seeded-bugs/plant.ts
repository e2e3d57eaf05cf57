// Preloaded by the harness (node --import) into programs that are to run with a seeded bug: CTFLEET_SEEDED_BUG names it. The product
// contains no bug and no flag.
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bugNamed } from './bugs.ts';
import { applyPatch } from './patch.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const name = process.env.CTFLEET_SEEDED_BUG;
if (name) plant(name);

/**
 * Changes the sources of the bug's files as they are loaded. The program ends with an error if a patch does not apply, or was never loaded.
 */
function plant(bugName: string): void {
  const { patches } = bugNamed(bugName);
  const left = new Set(patches);
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const own = url.startsWith('file:') ? patches.filter(({ file }) => fileURLToPath(url) === path.join(ROOT, file)) : [];
      if (own.length === 0) return loaded;
      const source = own.reduce((text, patch) => applyPatch(text, patch), String(Buffer.from(loaded.source as Uint8Array)));
      own.forEach((patch) => left.delete(patch));
      return { ...loaded, source };
    },
  });
  process.on('exit', () => {
    if (left.size === 0) return;
    console.error(`seeded bug ${bugName}: ${[...left].map(({ file }) => file).join(', ')} was never loaded`);
    process.exitCode = 70;
  });
}
