// node tools/run.mjs COMMAND [ARGS]: ensures the pinned Node and the dependencies, then runs tools/COMMAND.ts. Works on Node 20.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const state = path.join(root, '.ctfleet');
const [, , command = 'start', ...args] = process.argv;
const script = path.join(root, 'tools', `${command}.ts`);
if (!/^[a-z-]+$/.test(command) || !existsSync(script)) fail(`There is no command "${command}". Scripts are listed in package.json.`);
mkdirSync(state, { recursive: true, mode: 0o700 });
// It holds secrets of the demo; an earlier version may have left it open to others.
chmodSync(state, 0o700);

const node = pinnedNode();
installDependencies(node);

const child = spawn(node, ['--disable-warning=ExperimentalWarning', script, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    PATH: [path.dirname(node), path.join(root, 'node_modules/.bin'), process.env.PATH].join(path.delimiter),
    CTFLEET_ROOT: root,
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
const parents = ancestors();
setInterval(() => ancestors() !== parents && child.kill('SIGTERM'), 500).unref();
child.on('error', (error) => fail(error.message));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));

/**
 * Who started us: the parent, and npm behind the shell that it puts in between. The shell survives when npm is killed, so a change of
 * either means that nobody is waiting for us any more.
 */
function ancestors() {
  try {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const [, grandparent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /\((ba|da)?sh\)/.test(stat) ? `${process.ppid} ${grandparent}` : String(process.ppid);
  } catch {
    return String(process.ppid);
  }
}

/** This Node if it is new enough, else the pinned one, installed once from npm. */
function pinnedNode() {
  const version = readFileSync(path.join(root, '.node-version'), 'utf8').trim();
  if (Number(process.versions.node.split('.')[0]) >= Number(version.split('.')[0])) return process.execPath;
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = path.join(state, 'toolchain');
  const file = path.join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const has = () => existsSync(file) && spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${version}`;
  if (has()) return file;
  say(`installing Node ${version} (this is ${process.versions.node})`);
  npm(process.execPath, ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`]);
  if (!has()) fail(`Node ${version} could not be installed from npm as ${name}. Install Node ${version.split('.')[0]} and try again.`);
  return file;
}

/** Runs `npm ci` if node_modules was not installed from the current lock file. */
function installDependencies(node) {
  const stamp = path.join(root, 'node_modules', '.ctfleet-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing dependencies (about a minute)');
  npm(node, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  rmSync(path.join(state, 'stamps'), { recursive: true, force: true });
  writeFileSync(stamp, wanted);
}

/** Runs npm under the given Node. */
function npm(node, npmArgs) {
  const cli = process.env.npm_execpath;
  const env = { ...process.env, PATH: [path.dirname(node), process.env.PATH].join(path.delimiter) };
  const { status, error } = cli?.endsWith('.js')
    ? spawnSync(node, [cli, ...npmArgs], { cwd: root, stdio: ['ignore', 2, 2], env })
    : spawnSync('npm', npmArgs, { cwd: root, stdio: ['ignore', 2, 2], env, shell: process.platform === 'win32' });
  if (error || status !== 0) fail(`npm ${npmArgs[0]} failed${error ? `: ${error.message}` : ' (see above)'}. Is the registry reachable?`);
}

function say(text) {
  console.error(`ctfleet: ${text}`);
}

function fail(text) {
  console.error(`ctfleet: ${text}`);
  process.exit(1);
}
