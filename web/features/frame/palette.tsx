'use client';

import { Spotlight } from '@mantine/spotlight';
import { useQuery } from '@tanstack/react-query';
import { IconArrowsLeftRight, IconBan, IconRouter, IconSearch } from '@tabler/icons-react';
import { useDeferredValue, useEffect, useState } from 'react';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import type { Gateway } from '../../../proto/http/fleet.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { isInScope, useScope } from '../../lib/scope.ts';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { intendPlan } from '../flushes/intended-plan.ts';
import { PAGES } from './nav.tsx';

const MAX_FOUND = 8;

/** Ctrl-K: pages, gateways, pasted text as a filter over the fleet, and `cut ADDRESS`. */
export function Palette() {
  const go = useGo();
  const { ids, scope } = useScope();
  const [query, setQuery] = useState('');
  const wanted = query.trim().toLowerCase();
  const asked = useDeferredValue(wanted).slice(0, 200);
  const { data: answer } = useQuery({ ...queries.gateways({ text: asked, limit: MAX_FOUND }), enabled: asked !== '' });
  const cut = /^cut\s+(\S+)$/.exec(wanted)?.[1];
  const cutAddress = cut !== undefined && 'filter' in parseFilter(`ip:${cut}`) ? cut : undefined;
  const filter = wanted && !cutAddress ? asFilter(query.trim()) : undefined;
  // Of an answer to what was typed before, only what still fits.
  const found = wanted ? (answer?.items ?? []).filter((gateway) => textOf(gateway).includes(wanted)) : [];
  // The list marks its first entry when something is typed; entries that come later are not marked by it.
  const first = found[0]?.id;
  useEffect(() => {
    const isMarked = document.querySelector('[data-action][data-selected]') !== null;
    if (first !== undefined && !isMarked) document.querySelector('[data-action]')?.setAttribute('data-selected', 'true');
  }, [first]);
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
          const isOutside = !isInScope(gateway, ids);
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

/** What is searched, as the controller searches it. */
function textOf({ tenantName, siteName, name, tags }: Gateway): string {
  return `${tenantName} ${siteName} ${name} ${tags.join(' ')}`.toLowerCase();
}

/** The text as a filter, converting syntax that other programs print or accept; undefined if it is not one. */
function asFilter(text: string): string | undefined {
  const parsed = parseFilter(text);
  if ('filter' in parsed) return text;
  return parsed.problem.suggestion && parsed.problem.start === 0 && parsed.problem.end === text.length && /^-|\s/.test(text)
    ? parsed.problem.suggestion
    : undefined;
}
