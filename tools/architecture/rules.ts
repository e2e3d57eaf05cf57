import path from 'node:path';
import { folderGraph, loopsOf } from './folders.ts';
import type { Import, SourceFile } from './source-files.ts';

/** An architecture rule; `violations` names each place that breaks it. */
export interface Rule {
  name: string;
  violations(sources: readonly SourceFile[]): string[];
}

/** Folders in import order: each may use itself and those listed. docs/architecture.md draws it. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  'client/words': ['proto'],
  client: ['proto'],
  'agent/disk': [],
  'agent/time': [],
  'agent/netlink': [],
  'agent/firewall': ['agent/netlink', 'agent/disk', 'agent/time', 'proto'],
  'agent/conntrack': ['agent/firewall', 'agent/netlink', 'agent/time', 'proto'],
  'agent/policies': ['agent/conntrack', 'agent/firewall', 'agent/netlink', 'agent/disk', 'agent/time', 'proto'],
  'agent/wans': ['agent/conntrack', 'agent/netlink', 'agent/disk', 'agent/time', 'proto'],
  'agent/collectors': ['agent/wans', 'agent/conntrack', 'agent/time', 'proto'],
  'agent/operations': ['agent/firewall', 'agent/conntrack', 'agent/disk', 'agent/time', 'proto'],
  'agent/remediations': ['agent/operations', 'agent/firewall', 'agent/wans', 'agent/conntrack', 'agent/disk', 'agent/time', 'proto'],
  'agent/link': ['agent/policies', 'agent/operations', 'agent/firewall', 'agent/conntrack', 'agent/disk', 'agent/time', 'proto'],
  agent: [
    'agent/link',
    'agent/policies',
    'agent/remediations',
    'agent/operations',
    'agent/collectors',
    'agent/wans',
    'agent/conntrack',
    'agent/firewall',
    'agent/disk',
    'agent/time',
    'proto',
  ],
  'controller/generated': [],
  'controller/platform': ['proto'],
  'controller/queue': ['proto'],
  'controller/identity': ['proto'],
  'controller/audit': ['controller/queue', 'proto'],
  'controller/access': ['controller/audit', 'proto'],
  'controller/oidc': ['controller/access', 'controller/audit', 'proto'],
  'controller/mail': ['controller/access', 'controller/queue', 'controller/audit', 'proto'],
  'controller/people': ['controller/mail', 'controller/access', 'controller/audit', 'proto'],
  'controller/groups': ['controller/people', 'controller/access', 'controller/audit', 'proto'],
  'controller/service-accounts': ['controller/access', 'controller/audit', 'proto'],
  'controller/link': ['controller/identity', 'controller/audit', 'proto'],
  'controller/authority': ['controller/identity', 'controller/link', 'controller/queue', 'controller/audit', 'proto'],
  'controller/peers': ['controller/identity', 'controller/link', 'proto'],
  'controller/history': ['controller/link', 'controller/queue', 'proto'],
  'controller/gateways': ['controller/link', 'controller/history', 'controller/audit', 'proto'],
  'controller/fleet': ['controller/gateways', 'controller/link', 'proto'],
  'controller/enrolment': ['controller/gateways', 'controller/link', 'controller/identity', 'controller/audit', 'proto'],
  'controller/flows': ['controller/access', 'controller/gateways', 'controller/link', 'proto'],
  'controller/blocks': ['controller/link', 'controller/identity', 'controller/audit', 'proto'],
  'controller/wan-events': ['controller/gateways', 'controller/link', 'controller/identity', 'controller/audit', 'proto'],
  'controller/plans': [
    'controller/blocks',
    'controller/flows',
    'controller/gateways',
    'controller/link',
    'controller/access',
    'controller/audit',
    'proto',
  ],
  'controller/flushes': [
    'controller/wan-events',
    'controller/plans',
    'controller/blocks',
    'controller/gateways',
    'controller/link',
    'controller/queue',
    'controller/identity',
    'controller/access',
    'controller/audit',
    'proto',
  ],
  'controller/remediations': [
    'controller/wan-events',
    'controller/flushes',
    'controller/plans',
    'controller/flows',
    'controller/gateways',
    'controller/history',
    'controller/link',
    'controller/queue',
    'controller/identity',
    'controller/audit',
    'proto',
  ],
  'controller/policies': ['controller/flows', 'controller/gateways', 'controller/history', 'controller/link', 'controller/audit', 'proto'],
  'controller/expectations': ['controller/policies', 'controller/gateways', 'controller/audit', 'proto'],
  'controller/policy-rollouts': [
    'controller/policies',
    'controller/flushes',
    'controller/plans',
    'controller/gateways',
    'controller/link',
    'controller/access',
    'controller/audit',
    'proto',
  ],
  'controller/policy-states': [
    'controller/policies',
    'controller/gateways',
    'controller/link',
    'controller/identity',
    'controller/audit',
    'proto',
  ],
  'controller/alerts': [
    'controller/wan-events',
    'controller/remediations',
    'controller/policies',
    'controller/gateways',
    'controller/history',
    'controller/link',
    'controller/queue',
    'controller/audit',
    'proto',
  ],
  'controller/receivers': [
    'controller/alerts',
    'controller/mail',
    'controller/policies',
    'controller/gateways',
    'controller/queue',
    'controller/audit',
    'proto',
  ],
  'controller/witness': ['controller/link', 'controller/audit', 'proto'],
  'controller/live': [
    'controller/alerts',
    'controller/remediations',
    'controller/flushes',
    'controller/fleet',
    'controller/link',
    'controller/access',
    'proto',
  ],
  'controller/retention': ['controller/history', 'controller/queue', 'controller/audit', 'proto'],
  'controller/metrics': ['controller/alerts', 'controller/retention', 'controller/fleet', 'controller/authority', 'proto'],
  // The entry points, and the module that lists all nouns.
  controller: [
    'controller/access',
    'controller/alerts',
    'controller/audit',
    'controller/authority',
    'controller/blocks',
    'controller/enrolment',
    'controller/expectations',
    'controller/fleet',
    'controller/flows',
    'controller/flushes',
    'controller/gateways',
    'controller/groups',
    'controller/history',
    'controller/identity',
    'controller/live',
    'controller/mail',
    'controller/metrics',
    'controller/oidc',
    'controller/peers',
    'controller/people',
    'controller/plans',
    'controller/policies',
    'controller/policy-rollouts',
    'controller/policy-states',
    'controller/receivers',
    'controller/remediations',
    'controller/retention',
    'controller/service-accounts',
    'controller/wan-events',
    'controller/witness',
    'proto',
  ],
  'web/app': ['web/features', 'web/ui', 'web/lib', 'client', 'client/words', 'proto'],
  'web/features': ['web/ui', 'web/lib', 'client', 'client/words', 'proto'],
  'web/ui': ['web/lib', 'client', 'client/words', 'proto'],
  'web/lib': ['client', 'client/words', 'proto'],
  web: ['web/lib', 'proto'],
  cli: ['client', 'client/words', 'proto'],
  // The demo uses the lab of the tests.
  tools: ['agent', 'controller', 'client', 'proto', 'test/lab'],
};
/** Every noun of the controller may use these. */
const OF_ALL_NOUNS: readonly string[] = ['controller/platform', 'controller/generated'];

const parts = Object.keys(MAY_USE).toSorted((a, b) => b.length - a.length);
const partOf = (file: string): string | undefined => parts.find((part) => file.startsWith(`${part}/`));

function mayUse(from: string, file: string): boolean {
  const to = partOf(file) ?? (file.startsWith('test/lab/') ? 'test/lab' : undefined);
  if (to === undefined) return false;
  if (to === from || (from.startsWith('controller') && OF_ALL_NOUNS.includes(to))) return true;
  // Tools use whole parts, not folders of them.
  return MAY_USE[from]!.includes(to) || (from === 'tools' && MAY_USE.tools!.some((part) => to.startsWith(`${part}/`)));
}

const isPath = ({ target }: Import): boolean => target.includes('.ts');

/** Names an import for people. */
function arrowsOf(sources: readonly SourceFile[], isWrong: (source: SourceFile, one: Import) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports.filter((one) => isWrong(source, one)).map(({ target }) => `${source.path} -> ${target}`),
  );
}

/** External packages that a controller file may import, by its suffix; a plain name is pure. */
const OUTSIDE =
  /^(@nestjs\/|pg$|bullmq$|ioredis$|@grpc\/|fastify$|@fastify\/|better-auth$|@prisma\/|rate-limiter-flexible$|pino$|node:(fs|net|http|https|http2|tls|dns|child_process|worker_threads|os|timers)(\/|$))/;
const ROLE = /\.(controller|grpc|link|jobs|service|repository|module|guard|interceptor|filter)\.ts$/;
/** Plain names that are not pure, each with its reason. */
const NOT_PURE: Readonly<Record<string, string>> = {
  'controller/access/auth.ts': 'sets up the sign-in library',
  'controller/identity/authority.ts': 'keeps its key and certificate on disk',
};
/** Folders whose noun is a technology: all their files touch it. */
const TECHNOLOGIES = ['controller/platform/', 'controller/queue/'];

const layerOf = (file: string): string | undefined => /\.(controller|grpc|link|jobs|service|repository)\.ts$/.exec(file)?.[1];
const DOORS = ['controller', 'grpc', 'link', 'jobs'];

/** Navigation in the console that bypasses lib/link.tsx: bare anchors and forms, and addresses composed or opened by hand. */
const STRAY_LINK =
  /<a\b[^>]*\bhref=(?!"#)|<form\b[^>]*\baction=|\blocation\.(?:assign|replace)\(|\blocation(?:\.href)? = |\bhistory\.(?:pushState|replaceState)\(|\bwindow\.open\(|\blocation\.origin\}\//;
const DIALLING =
  /\bfetch\(|\b(connect|createConnection|request|lookup|resolve4|resolve6)\b[^;\n]* from ['"](node:)?(http|https|http2|net|tls|dns)['"]|from ['"](undici|axios)['"]/;
const WRITES =
  'write|append|truncate|ftruncate|rename|rm|unlink|mkdir|mkdtemp|copyFile|cp|symlink|link|utimes|chmod|chown|createWriteStream';
const CHANGING = new RegExp(
  `import (?:\\{[^}]*\\b(?:${WRITES})\\w*[^}]*\\}|[\\w* ]+) from ['"](?:node:)?fs(?:/promises)?['"]|\\bopenSync\\([^)]*, ['"](?!r)`,
);
/** A socket, not a file; and the join token, which the owner placed and which is removed once used. */
const MAY_CHANGE_FILES = ['agent/netlink/socket.ts', 'agent/enrolment.ts'];

const filesWhere = (sources: readonly SourceFile[], base: string, isWrong: (text: string, file: string) => boolean): string[] =>
  sources.filter((source) => source.path.startsWith(base) && isWrong(source.text, source.path)).map((source) => source.path);

export const RULES: readonly Rule[] = [
  {
    name: 'imports point one way between parts, and nobody imports tests',
    violations: (sources) =>
      arrowsOf(sources, ({ path: file }, one) => {
        const from = partOf(file);
        return from !== undefined && isPath(one) && !mayUse(from, one.target);
      }),
  },
  ...['agent', 'controller', 'proto', 'web'].map((base): Rule => ({
    name: `no folders of ${base} import each other in a loop`,
    violations: (sources) => loopsOf(folderGraph(sources, base)).map((loop) => loop.join(', ')),
  })),
  {
    name: 'doors use services, services use repositories, and never the other way round',
    violations: (sources) =>
      arrowsOf(sources, ({ path: file }, { target }) => {
        const [from, to] = [layerOf(file), layerOf(target)];
        if (!file.startsWith('controller/') || to === undefined) return false;
        if (from === undefined)
          return (
            path.posix.dirname(file) !== 'controller' &&
            !/\.(module|guard|interceptor|filter)\.ts$/.test(file) &&
            !TECHNOLOGIES.some((folder) => file.startsWith(folder))
          );
        if (from === 'repository') return to !== 'repository';
        if (from === 'service') return DOORS.includes(to);
        return from === 'controller' && to === 'repository';
      }),
  },
  {
    name: 'in the controller a plain name is pure, and a service touches no technology',
    violations: (sources) =>
      arrowsOf(sources, ({ path: file }, { target, isTypeOnly }) => {
        if (
          !file.startsWith('controller/') ||
          path.posix.dirname(file) === 'controller' ||
          TECHNOLOGIES.some((folder) => file.startsWith(folder)) ||
          isTypeOnly
        )
          return false;
        if (file.endsWith('.service.ts'))
          return OUTSIDE.test(target) && !target.startsWith('@nestjs/') && !target.startsWith('node:timers');
        return !ROLE.test(file) && !(file in NOT_PURE) && (OUTSIDE.test(target) || target.startsWith('controller/generated/'));
      }),
  },
  {
    name: 'only platform knows pg, only queue knows bullmq, and only repositories ask Prisma',
    violations: (sources) =>
      arrowsOf(sources, ({ path: file }, { target, isTypeOnly }) => {
        // Files directly in controller/ are programs, one of which prepares the database.
        if (!file.startsWith('controller/') || path.posix.dirname(file) === 'controller' || isTypeOnly) return false;
        if (target === 'pg') return !file.startsWith('controller/platform/');
        if (target === 'bullmq') return !file.startsWith('controller/queue/');
        return target.startsWith('controller/generated/') && !file.endsWith('.repository.ts') && file !== 'controller/platform/database.ts';
      }),
  },
  {
    name: 'proto/model imports neither generated code nor zod',
    violations: (sources) =>
      arrowsOf(
        sources,
        ({ path: file }, { target }) => file.startsWith('proto/model/') && (target.startsWith('proto/gen/') || target === 'zod'),
      ),
  },
  {
    name: 'the words of the client touch no package',
    violations: (sources) =>
      arrowsOf(sources, ({ path: file }, one) => file.startsWith('client/words/') && !isPath(one) && !one.isTypeOnly),
  },
  {
    name: 'netlink has never heard of conntrack',
    violations: (sources) =>
      filesWhere(sources, 'agent/netlink/', (text) => /conntrack|CTA_|NFCT/i.test(text.replace(/^\/\/.*|\/\*[^]*?\*\//gm, ''))),
  },
  {
    name: 'F40: only outbound.ts dials an address that somebody named',
    violations: (sources) =>
      filesWhere(sources, 'controller/', (text, file) => file !== 'controller/platform/outbound.ts' && DIALLING.test(text)),
  },
  {
    name: 'the agent changes files by agent/disk alone, which does it whole or not at all',
    violations: (sources) =>
      filesWhere(
        sources,
        'agent/',
        (text, file) => !file.startsWith('agent/disk/') && !MAY_CHANGE_FILES.includes(file) && CHANGING.test(text),
      ),
  },
  {
    // Imports of Next's own links and router are refused by lint (web/.oxlintrc.json).
    name: 'the console leads to pages by lib/link.tsx alone, which keeps the scope',
    violations: (sources) => filesWhere(sources, 'web/', (text, file) => file !== 'web/lib/link.tsx' && STRAY_LINK.test(text)),
  },
];
