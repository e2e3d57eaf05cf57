#!/usr/bin/env node
// A stand-in for Prisma's native `schema-engine` executable: same command line and JSON-RPC over stdio, backed by the WebAssembly build of
// the same engine from npm and the `pg` driver adapter.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg';

const wasmDir = new URL('.', import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
const argv = process.argv.slice(2);
if (argv.includes('--version')) { console.log(`schema-engine-cli wasm ${JSON.parse(readFileSync(new URL('package.json', wasmDir), 'utf8')).version}`); process.exit(0); }

const { values, positionals } = parseArgs({
  args: argv, allowPositionals: true, strict: false,
  options: { datasource: { type: 'string' }, datamodels: { type: 'string', multiple: true }, 'enabled-preview-features': { type: 'string' }, 'extension-types': { type: 'string' } },
});
const ds = values.datasource ? JSON.parse(values.datasource) : {};

function log(level, fields) { process.stderr.write(JSON.stringify({ timestamp: new Date().toISOString(), level, fields, target: 'schema_engine::logger' }) + '\n'); }

function splitSchema(url) {
  const u = new URL(url); const schema = u.searchParams.get('schema') ?? undefined;
  for (const k of ['schema', 'connection_limit', 'pool_timeout', 'pgbouncer', 'sslaccept']) u.searchParams.delete(k);
  return { url: u.toString(), schema };
}

if (positionals[0] === 'cli') {
  const { url } = splitSchema(ds.url); const u = new URL(url); const db = decodeURIComponent(u.pathname.slice(1)) || 'postgres';
  const fail = (e) => {
    const known = e.code === '3D000' ? ['P1003', `Database \`${db}\` does not exist on the database server at \`${u.host}\`.`]
      : e.code === '28P01' ? ['P1000', `Authentication failed against database server at \`${u.hostname}\`.`]
      : ['P1001', `Can't reach database server at \`${u.host}\` (${e.message || e.code})`];
    process.stderr.write('\n'); // the CLI drops the first line of stderr
    process.stderr.write(JSON.stringify({ timestamp: new Date().toISOString(), level: 'ERROR', target: 'schema_engine::logger', fields: { message: known[1], error_code: known[0], is_panic: false } }));
    process.exit(1);
  };
  const target = new URL(url);
  if (positionals[1] !== 'can-connect-to-database') target.pathname = '/postgres';
  const c = new pg.Client({ connectionString: target.toString() });
  try {
    await c.connect();
    if (positionals[1] === 'create-database') await c.query(`CREATE DATABASE ${c.escapeIdentifier(db)}`);
    if (positionals[1] === 'drop-database') await c.query(`DROP DATABASE IF EXISTS ${c.escapeIdentifier(db)}`);
    await c.end(); process.exit(0);
  } catch (e) { fail(e); }
}

const { instance } = await WebAssembly.instantiate(readFileSync(new URL('schema_engine_bg.wasm', wasmDir)), { './schema_engine_bg.js': glue });
glue.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();
globalThis.PRISMA_WASM_PANIC_REGISTRY = { message: '', set_message(m) { this.message = m; } };
process.on('uncaughtException', (e) => { log('ERROR', { message: globalThis.PRISMA_WASM_PANIC_REGISTRY.message || e.message, backtrace: e.stack, is_panic: true }); process.exit(1); });

const { url, schema } = splitSchema(ds.url ?? 'postgresql://unused:unused@127.0.0.1:1/unused');
// The engine's catalogue queries return types the driver adapter has no mapping for: "char", int2vector, oidvector.
const CATALOGUE_TYPES = new Map([[18, 1042], [22, 1005], [30, 1028]]);
function widen(a) {
  const io = a.performIO.bind(a), raw = a.queryRaw.bind(a), start = a.startTransaction?.bind(a);
  a.performIO = async (q) => { const r = await io(q); for (const f of r.fields) { f.was = f.dataTypeID; f.dataTypeID = CATALOGUE_TYPES.get(f.was) ?? f.was; } a.lastFields = r.fields; return r; };
  a.queryRaw = async (q) => { const r = await raw(q); a.lastFields.forEach((f, i) => { if (f.was === 18) r.columnTypes[i] = ColumnTypeEnum.Character; }); return r; };
  if (start) a.startTransaction = async (...x) => widen(await start(...x));
  // The stock method splits on every ';', which breaks function bodies and quoted text. Send the script whole.
  a.executeScript = async (script) => { try { await a.client.query(script); } catch (e) { a.onError(e); } };
  return a;
}
const shadows = [];
class MigrationPg extends PrismaPg {
  async connect() { return widen(await super.connect()); }
  // The stock method passes `database` beside a connection string, and pg prefers the latter: the shadow would be the real database.
  async connectToShadowDb() {
    const admin = await this.connect();
    const database = `prisma_migrate_shadow_db_${crypto.randomUUID()}`;
    await admin.executeScript(`CREATE DATABASE "${database}"`);
    const shadowUrl = new URL(this.config.connectionString); shadowUrl.pathname = `/${database}`;
    const shadow = await new PrismaPg({ connectionString: shadowUrl.toString() }, this.options).connect();
    const release = shadow.dispose.bind(shadow);
    let gone;
    shadow.dispose = () => (gone ??= (async () => { await release(); await admin.executeScript(`DROP DATABASE "${database}" WITH (FORCE)`); await admin.dispose(); })());
    shadows.push(shadow);
    return widen(shadow);
  }
}
const factory = bindMigrationAwareSqlAdapterFactory(new MigrationPg({ connectionString: url, max: 1 }, { schema }));
const datamodels = (values.datamodels ?? []).map((p) => [p, readFileSync(p, 'utf8')]);
let engine;
const get = () => (engine ??= glue.SchemaEngine.new({ datamodels: datamodels.length ? datamodels : undefined }, (line) => process.env.DEBUG && process.stderr.write(line + '\n'), factory));

const write = (o) => process.stdout.write(JSON.stringify(o) + '\n');
let printId = 1, pending = 0, closed = false;
const rl = createInterface({ input: process.stdin });
rl.on('line', async (line) => {
  let req; try { req = JSON.parse(line); } catch { return; }
  if (!req.method) return;
  pending++;
  try {
    const e = await get();
    let result;
    if (req.method === 'diff') {
      result = await e.diff(req.params);
      if (result.stdout) write({ jsonrpc: '2.0', id: `print-${printId++}`, method: 'print', params: { content: result.stdout.replace(/\n$/, '') } });
      result = { exitCode: result.exitCode, stdout: null };
    } else if (req.method === 'getDatabaseVersion') result = await e.version(req.params);
    else if (req.method === 'createDatabase') result = { databaseName: new URL(url).pathname.slice(1) };
    else if (req.method === 'evaluateDataLoss' || req.method === 'createMigration') {
      // These two read the shadow database's schema only from the engine's cache; this call fills it.
      await e.diagnoseMigrationHistory({ migrationsList: req.params.migrationsList, optInToShadowDatabase: true, filters: req.params.filters });
      result = await e[req.method](req.params);
    }
    else if (typeof e[req.method] === 'function') result = await e[req.method](req.params);
    else throw Object.assign(new Error(`unsupported method ${req.method}`), {});
    write({ jsonrpc: '2.0', id: req.id, result: result ?? null });
  } catch (err) {
    const e = typeof err === 'object' && err ? err : { message: String(err) };
    write({ jsonrpc: '2.0', id: req.id, error: { code: 4466, message: 'An error happened. Check the data field for details.', data: { is_panic: false, message: e.message ?? String(err), error_code: e.code, meta: e.meta ?? null } } });
  } finally { pending--; if (closed && !pending) await leave(); }
});
async function leave() { for (const s of shadows) await s.dispose().catch(() => {}); process.exit(0); }
rl.on('close', () => { closed = true; if (!pending) void leave(); });
process.on('SIGTERM', () => void leave());
