import { wanFaultWords } from '../client/words/wan-words.ts';
import { count, lasting, percent } from '../client/words/format.ts';
import type { Gateway } from '../proto/http/fleet.ts';
import { gateway } from '../proto/http/gateway.ts';
import { routes } from '../proto/http/routes.ts';
import { valueOf, type Command } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { listing, placeOf, placeOptions } from './listing.ts';
import { GENERAL, OUTPUT } from './options.ts';
import type { Column } from './output/columns.ts';
import { renderOne } from './output/render.ts';
import { oneGateway } from './scope.ts';
import { styleOf } from './style.ts';

const COLUMNS: readonly Column<Gateway>[] = [
  { name: 'name', of: ({ name }) => name },
  { name: 'site', of: ({ siteName }) => siteName },
  { name: 'tenant', of: ({ tenantName }) => tenantName },
  { name: 'state', of: ({ state }) => state },
  { name: 'flows', of: ({ usage }) => usage?.count, shown: ({ usage }) => count(usage?.count), isRight: true },
  { name: 'limit', of: ({ usage }) => usage?.max, shown: ({ usage }) => count(usage?.max), isRight: true },
  { name: 'used', of: usedOf, shown: (one) => usedOf(one) ?? '–', isRight: true },
  { name: 'full in', of: ({ usage }) => usage?.minutesToFull, shown: fullIn, isRight: true },
  { name: 'wans', of: ({ wans }) => wanFaultWords(wans) ?? wans.map(({ name }) => name).join(' ') },
  { name: 'tags', of: ({ tags }) => tags.join(' '), isWide: true },
  { name: 'agent', of: ({ agentVersion }) => agentVersion, isWide: true },
  { name: 'kernel', of: ({ kernel }) => kernel, isWide: true },
  { name: 'id', of: ({ id }) => id, isWide: true },
];

const list = listing(routes.listGateways, {
  words: ['gateways', 'list'],
  summary: 'Gateways with their newest sample',
  groups: [
    placeOptions('tenant', 'site'),
    {
      title: 'Which',
      options: [
        { name: 'text', value: 'TEXT', words: 'somewhere in the name of gateway, site or tenant, or in a tag' },
        { name: 'state', value: 'STATE', choices: gateway.shape.state.options, words: gateway.shape.state.options.join(', ') },
        { name: 'tag', value: 'TAG', words: 'with this tag' },
      ],
    },
  ],
  columns: COLUMNS,
  nameOf: ({ name }) => name,
  async query(call) {
    const { tag, ...place } = call.given;
    const { tenant, site } = await placeOf({ ...call, given: place });
    return { tenant, site, tag: tag?.[0], text: valueOf(place, 'text'), state: valueOf(place, 'state') };
  },
});

const show: Command = {
  words: ['gateways', 'show'],
  summary: 'One gateway: its table, WANs, guard and what it cannot do',
  args: [{ name: 'GATEWAY', words: 'its name or id' }],
  groups: [OUTPUT, GENERAL],
  async run({ io, given, args, client }) {
    const api = client();
    const one = await api.call(routes.getGateway, { params: { id: await oneGateway(api, args[0]!) } });
    const parts: (readonly [string, string | undefined])[] = [
      ...COLUMNS.map((column) => [column.name, column.shown?.(one) ?? column.of(one)?.toString()] as const),
      ['since', one.since],
      ['table error', one.tableError],
      ...one.wans.map((wan) => ['wan', `${wan.name} ${wan.interface} ${wan.addresses.join(' ')}`] as const),
      ...Object.entries(one.capabilities?.cannot ?? {}).map(([what, why]) => ['cannot', `${what}: ${why}`] as const),
      ...(one.guard?.protected ?? []).map((words) => ['protected', words] as const),
    ];
    io.write(renderOne(parts, styleOf(given, io), one));
    return EXIT.done;
  },
};

const sites = listing(routes.listSites, {
  words: ['sites', 'list'],
  summary: 'Sites',
  groups: [placeOptions('tenant')],
  columns: [
    { name: 'name', of: ({ name }) => name },
    { name: 'gateways', of: ({ gateways }) => gateways, isRight: true },
    { name: 'time zone', of: ({ timeZone }) => timeZone },
    { name: 'tenant', of: ({ tenantId }) => tenantId, isWide: true },
    { name: 'id', of: ({ id }) => id, isWide: true },
  ],
  nameOf: ({ name }) => name,
  query: placeOf,
});

const tenants = listing(routes.listTenants, {
  words: ['tenants', 'list'],
  summary: 'Tenants that you may see',
  columns: [
    { name: 'name', of: ({ name }) => name },
    { name: 'gateways', of: ({ gateways }) => gateways, isRight: true },
    { name: 'id', of: ({ id }) => id, isWide: true },
  ],
  nameOf: ({ name }) => name,
});

function usedOf({ usage }: Gateway): string | undefined {
  return usage && (usage.max === undefined ? undefined : percent(usage.count, usage.max));
}

function fullIn({ usage }: Gateway): string {
  return usage?.minutesToFull === undefined ? '–' : lasting(usage.minutesToFull * 60);
}

export const GATEWAYS: readonly Command[] = [list, show, sites, tenants];
