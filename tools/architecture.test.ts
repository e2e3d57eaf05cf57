import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Folders in the order of imports: each may use itself and those named. docs/architecture.md draws it. */
const MAY_USE: Record<string, string[]> = {
  'proto': [],
  'agent/disk': [],
  'agent/netlink': [],
  'agent/rules': ['agent/netlink', 'proto'],
  'agent/conntrack': ['agent/rules', 'agent/netlink', 'proto'],
  'agent/collectors': ['agent/conntrack', 'agent/rules', 'agent/netlink', 'agent/disk', 'proto'],
  'agent/operations': ['agent/conntrack', 'agent/disk', 'proto'],
  'agent/remediations': ['agent/operations', 'agent/collectors', 'agent/conntrack', 'agent/netlink', 'agent/disk', 'proto'],
  'agent/link': ['agent/remediations', 'agent/operations', 'agent/collectors', 'agent/conntrack', 'agent/disk', 'proto'],
  'agent': ['agent/link', 'agent/remediations', 'agent/operations', 'agent/collectors', 'agent/conntrack', 'agent/rules', 'agent/disk', 'proto'],
  'controller': ['proto'],
  'web/app': ['web/features', 'web/ui', 'web/lib', 'proto'],
  'web/features': ['web/ui', 'web/lib', 'proto'],
  'web/ui': ['web/lib', 'proto'],
  'web/lib': ['proto'],
  'cli': ['proto'],
};
/** Clock is injected everywhere in the agent. */
const SHARED = new Set(['agent/time/clock.ts']);

const parts = Object.keys(MAY_USE).sort((a, b) => b.length - a.length);
const partOf = (file: string) => parts.find((part) => file.startsWith(`${part}/`));

/** In the controller a plain name is pure, and layers go one way. */
const LAYERS: [suffix: RegExp, mayNotImport: RegExp][] = [
  [/\.repository\.ts$/, /\.(service|controller|grpc|jobs)\.ts$/],
  [/\.service\.ts$/, /\.(controller|grpc|jobs)\.ts$/],
  [/^[a-z0-9-]+\.ts$/, /\.(service|controller|grpc|jobs|repository)\.ts$/],
];

const files = globSync('{proto,agent,controller,web,cli}/**/*.{ts,tsx}', { cwd: ROOT, exclude: (name) => /node_modules|\.next|proto\/gen|generated/.test(name) })
  .filter((file) => !/\.test\.tsx?$|node_modules|\.next|\/gen\/|generated/.test(file));
const imports = files.flatMap((file) => importsOf(file).map((target) => ({ file, target })));

function importsOf(file: string): string[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, specifier]) => path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier!)));
}

/** Ways to a page of the console beside lib/link.tsx: bare anchors and forms, and addresses put together or gone to by hand. */
function strayLinks(text: string): string[] {
  return text.match(/<a\b[^>]*\bhref=(?!"#)|<form\b[^>]*\baction=|\blocation\.(?:assign|replace)\(|\blocation(?:\.href)? = |\bhistory\.(?:pushState|replaceState)\(|\bwindow\.open\(|\blocation\.origin\}\//g) ?? [];
}

describe('imports', () => {
  it('point one way between parts', () => {
    const wrong = imports.filter(({ file, target }) => {
      const [from, to] = [partOf(file), partOf(target)];
      return from !== undefined && !SHARED.has(target) && to !== from && !(to !== undefined && MAY_USE[from]!.includes(to));
    });
    expect(wrong).toEqual([]);
  });

  it('of the controller go from doors to services to repositories to the platform', () => {
    const wrong = imports.filter(({ file, target }) => file.startsWith('controller/') && !/^controller\/[^/]+\.ts$/.test(file)
      && LAYERS.some(([suffix, forbidden]) => suffix.test(path.basename(file)) && forbidden.test(target)));
    expect(wrong).toEqual([]);
  });

  it('of netlink never name conntrack', () => {
    expect(files.filter((file) => file.startsWith('agent/netlink/')).filter((file) => /conntrack|CTA_|NFCT/i.test(readFileSync(path.join(ROOT, file), 'utf8').replace(/^\/\/.*|\/\*[^]*?\*\//gm, '')))).toEqual([]);
  });

  it('F40: give the controller no way to dial an address that somebody named', () => {
    const dialling = /\bfetch\(|\b(connect|createConnection|request|lookup|resolve4|resolve6)\b[^;\n]* from '(node:)?(http|https|http2|net|tls|dns)'|from '(undici|axios)'/;
    expect(files.filter((file) => file.startsWith('controller/')).filter((file) => dialling.test(readFileSync(path.join(ROOT, file), 'utf8')))).toEqual([]);
  });

  it('of the agent change no file but by agent/disk, which does it whole or not at all', () => {
    const names = 'write|append|truncate|ftruncate|rename|rm|unlink|mkdir|mkdtemp|copyFile|cp|symlink|link|utimes|chmod|chown|createWriteStream';
    const changing = new RegExp(`import (?:\\{[^}]*\\b(?:${names})\\w*[^}]*\\}|[\\w* ]+) from '(?:node:)?fs(?:/promises)?'|\\bopenSync\\([^)]*, '(?!r')`);
    expect(files.filter((file) => file.startsWith('agent/') && !file.startsWith('agent/disk/') && changing.test(readFileSync(path.join(ROOT, file), 'utf8')))).toEqual([
      // A socket, not a file.
      'agent/netlink/socket.ts',
      // The join token, which the owner put somewhere and which is removed once it was used.
      'agent/enrolment.ts',
    ].sort());
  });

  // Imports of Next's own links and router are refused by lint (web/.oxlintrc.json).
  it('of the console lead to no page but by lib/link.tsx, which keeps the scope', () => {
    expect(files.filter((file) => file.startsWith('web/') && file !== 'web/lib/link.tsx' && strayLinks(readFileSync(path.join(ROOT, file), 'utf8')).length > 0)).toEqual([]);
    const planted = [
      '<a href="/sites">', '<a className="link"\n  href={`/gateways/${id}`}>', 'window.location.href = path', 'location.assign(path)', 'history.pushState(null, "", path)', 'window.open(path)',
      '<form action="/sites">', '`${window.location.origin}/remediations/${id}`',
    ];
    expect(planted.filter((text) => strayLinks(text).length !== 1)).toEqual([]);
    const allowed = ['<a className="skip" href="#main">', '<Link href="/sites">', 'window.location.pathname', '<Menu.Item component="a" href={routeUrl(routes.exportAudit)}>'];
    expect(allowed.flatMap(strayLinks)).toEqual([]);
  });

  it('are read from every part that exists', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(100);
  });
});
