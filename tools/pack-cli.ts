// node tools/pack-cli.ts FOLDER: the command line as a package for npm: one bundle without dependencies, man page and completions.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { bundleCli } from './bundle-cli.ts';
import { fail, say } from './say.ts';
import { ROOT } from './set-up.ts';

const [folder = ''] = process.argv.slice(2);
if (folder === '') fail('Name the target: node tools/pack-cli.ts FOLDER');
const stage = path.resolve(folder, 'ctfleet');
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });

const program = path.join(stage, 'ctfleet.mjs');
await bundleCli(program);

const print = (...args: string[]): Buffer => execFileSync(process.execPath, [program, ...args]);
writeFileSync(path.join(stage, 'ctfleet.1'), print('man'));
for (const shell of ['bash', 'zsh', 'fish']) writeFileSync(path.join(stage, `ctfleet.${shell}`), print('completion', shell));
copyFileSync(path.join(ROOT, 'docs/command-line.md'), path.join(stage, 'README.md'));
const { version, description, license, engines } = manifest;
const about = { name: 'ctfleet', version, description, license, engines: { ...engines }, type: 'module' };
const places = {
  bin: { ctfleet: 'ctfleet.mjs' },
  man: ['ctfleet.1'],
  files: ['ctfleet.mjs', 'ctfleet.1', 'ctfleet.bash', 'ctfleet.zsh', 'ctfleet.fish'],
};
writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify({ ...about, ...places }, undefined, 2)}\n`);
const tarball = execFileSync('npm', ['pack', '--silent', '--pack-destination', path.resolve(folder)], {
  cwd: stage,
  encoding: 'utf8',
}).trim();
say(`${path.join(folder, tarball)}: npm install --global ${tarball}`);
