'use client';

import { Spotlight } from '@mantine/spotlight';
import { useQuery } from '@tanstack/react-query';
import { IconArrowsLeftRight, IconBan, IconRouter, IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { useGatewaysInScope, useScope } from '../../lib/scope.ts';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { intendPlan } from '../flushes/intended-plan.ts';
import { PAGES } from './nav.tsx';

/** Ctrl-K: pages, gateways, pasted text as a filter over the fleet, and `cut ADDRESS`. */
export function Palette() {
  const go = useGo();
  const { scope } = useScope();
  const { gateways: inScope = [] } = useGatewaysInScope();
  const [query, setQuery] = useState('');
  const { data: gateways = [] } = useQuery(queries.gateways());
  const wanted = query.trim().toLowerCase();
  const cut = /^cut\s+(\S+)$/.exec(wanted)?.[1];
  const cutAddress = cut !== undefined && 'filter' in parseFilter(`ip:${cut}`) ? cut : undefined;
  const filter = wanted && !cutAddress ? asFilter(query.trim()) : undefined;
  const found = wanted
    ? gateways.filter(({ name, siteName, tenantName }) => `${name} ${siteName} ${tenantName}`.toLowerCase().includes(wanted)).slice(0, 8)
    : [];
  const pages = PAGES.filter(({ name }) => name.toLowerCase().includes(wanted));
  return (
    <Spotlight.Root
      query={query}
      onQueryChange={setQuery}
      shortcut="mod + K"
      scrollable
      maxHeight={420}
      lockScroll={false}
      transitionProps={{ duration: 0 }}
    >
      <Spotlight.Search
        autoFocus
        placeholder="Address, gateway, page"
        leftSection={<IconSearch size={16} stroke={1.5} />}
        aria-label="Find"
      />
      <Spotlight.ActionsList>
        {cutAddress && (
          <Spotlight.Action
            label={`Cut ${cutAddress} everywhere`}
            description="Plans to refuse its packets for an hour and end its flows on every gateway in scope; you see them first"
            leftSection={<IconBan size={16} stroke={1.5} />}
            onClick={() => {
              intendPlan({
                what: { filter: `ip:${cutAddress}` },
                scope,
                method: 'block',
                forSeconds: 3600,
                reason: `${cutAddress} is compromised: cut everywhere`,
              });
              go(connectionsPath(`ip:${cutAddress}`));
            }}
          />
        )}
        {filter !== undefined && (
          <Spotlight.Action
            label={`Flows with ${filter}`}
            description="Connections, in every table in scope"
            leftSection={<IconArrowsLeftRight size={16} stroke={1.5} />}
            onClick={() => go(`${connectionsPath(filter)}&open=only`)}
          />
        )}
        {found.map((gateway) => {
          const isOutside = !inScope.includes(gateway);
          return (
            <Spotlight.Action
              key={gateway.id}
              label={gateway.name}
              description={`${gateway.tenantName} / ${gateway.siteName}${isOutside ? ', outside of this scope' : ''}`}
              leftSection={<IconRouter size={16} stroke={1.5} />}
              onClick={() => go(`/gateways/${gateway.id}${isOutside ? `?tenant=${gateway.tenantId}` : ''}`)}
            />
          );
        })}
        {pages.map(({ path, name, icon: Glyph }) => (
          <Spotlight.Action key={path} label={name} leftSection={<Glyph size={16} stroke={1.5} />} onClick={() => go(path)} />
        ))}
        {filter === undefined && !cutAddress && found.length === 0 && pages.length === 0 && (
          <Spotlight.Empty>No gateway or page has this name, and it is not a filter.</Spotlight.Empty>
        )}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}

/** The text as a filter, converting syntax that other programs print or accept; undefined if it is not one. */
function asFilter(text: string): string | undefined {
  const parsed = parseFilter(text);
  if ('filter' in parsed) return text;
  return parsed.problem.suggestion && parsed.problem.start === 0 && parsed.problem.end === text.length && /^-|\s/.test(text)
    ? parsed.problem.suggestion
    : undefined;
}
