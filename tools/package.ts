// npm run package [-- amd64|arm64 …]: packages of the agent in .ctfleet/packages, each with everything that it runs on.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeDeb, makeTarball } from './package/archives.ts';
import { bundleAgent } from './package/bundle.ts';
import { sha256 } from './package/inventory.ts';
import { PLATFORMS, run } from './package/platforms.ts';
import { layOut } from './package/tree.ts';
import { fail, say } from './say.ts';
import { build, ROOT, STATE } from './set-up.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !PLATFORMS.some(({ debian }) => debian === name));
if (unknown !== undefined) fail(`There are no packages for ${unknown}; there are: ${PLATFORMS.map(({ debian }) => debian).join(', ')}.`);

const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
const epochSeconds = Number(process.env.SOURCE_DATE_EPOCH ?? run('git', ['log', '-1', '--format=%ct']).trim());
const folder = path.join(STATE, 'packages');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true, mode: 0o755 });
await build({ console: false });

const work = mkdtempSync(path.join(STATE, 'packing-'));
try {
  const bundle = path.join(work, 'bundle');
  const { packages } = await bundleAgent(bundle);
  const made = PLATFORMS.filter(({ debian }) => wanted.length === 0 || wanted.includes(debian)).flatMap((platform) => {
    const tree = path.join(work, platform.debian);
    layOut(tree, { platform, version, bundle, packages });
    const options = { version, platform, epochSeconds, folder };
    // The archive first: a Debian package adds its own folder to the tree.
    return [makeTarball(tree, options), makeDeb(tree, options)];
  });
  const sums = made.map((file) => [sha256(readFileSync(file)), path.basename(file)]).sort(([, a], [, b]) => (a! < b! ? -1 : 1));
  writeFileSync(path.join(folder, 'SHA256SUMS'), sums.map(([sum, name]) => `${sum}  ${name}\n`).join(''));
  for (const file of made) say(`${path.relative(ROOT, file)}: ${(readFileSync(file).length / 1e6).toFixed(1)} MB`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
