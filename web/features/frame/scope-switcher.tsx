'use client';

import { Menu } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { IconChevronDown } from '@tabler/icons-react';
import { useDeferredValue, useState } from 'react';
import * as queries from '../../lib/controller/queries.ts';
import { useScope, useTenantInScope } from '../../lib/scope.ts';
import type { ScopeIds } from '../../lib/scoped-path.ts';

const MAX_CHOICES = 60;

/** Narrows every page to a tenant, a site or a gateway, and shows which. */
export function ScopeSwitcher() {
  const { ids, setIds } = useScope();
  const tenant = useTenantInScope();
  const { data: tenants = [] } = useQuery(queries.tenants());
  const { data: sites = [] } = useQuery(queries.sites());
  const [wanted, setWanted] = useState('');
  const [isOpen, setOpen] = useState(false);
  const text = useDeferredValue(wanted.trim().slice(0, 200));
  const { data: found } = useQuery({ ...queries.gateways({ text, order: 'place', limit: MAX_CHOICES }), enabled: isOpen });
  const gateways = found?.items ?? [];
  const { data: gateway } = useQuery({ ...queries.gateway(ids.gateway ?? ''), enabled: Boolean(ids.gateway) });
  const site = sites.find(({ id }) => id === ids.site);
  const choices = choicesOf(tenants, sites, gateways)
    .filter(({ text }) => text.toLowerCase().includes(wanted.toLowerCase()))
    .slice(0, MAX_CHOICES);
  const label = [tenant?.name ?? 'All tenants', site?.name ?? (gateway && gateway.siteName), gateway?.name].filter(Boolean).join(' / ');
  return (
    <Menu position="bottom-start" width={320} opened={isOpen} onChange={setOpen} onClose={() => setWanted('')} returnFocus>
      <Menu.Target>
        <button type="button" className="scope" aria-label={`Scope: ${label}`}>
          <span className="ellipsis">{label}</span>
          <IconChevronDown className="i s" stroke={1.5} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown className="scope-menu">
        <label className="input" style={{ display: 'flex', marginBottom: 4 }}>
          <span className="sr">Find a tenant, site or gateway</span>
          <input
            data-autofocus
            placeholder="Tenant, site or gateway"
            value={wanted}
            onChange={(event) => setWanted(event.currentTarget.value)}
          />
        </label>
        <div style={{ maxHeight: 380, overflow: 'auto' }}>
          <Menu.Item onClick={() => void setIds({ tenant: null, site: null, gateway: null })}>All tenants</Menu.Item>
          {choices.map(({ key, text, depth, colour, ids: chosen }) => (
            <Menu.Item key={key} onClick={() => void setIds(chosen)} data-colour={colour}>
              <span style={{ paddingLeft: depth * 14 }} className={depth === 0 ? 'owner strong' : depth === 1 ? '' : 'dim2'}>
                {text.split(' / ').at(-1)}
              </span>
            </Menu.Item>
          ))}
        </div>
      </Menu.Dropdown>
    </Menu>
  );
}

interface Choice {
  key: string;
  text: string;
  depth: number;
  colour: number;
  ids: ScopeIds;
}

function choicesOf(
  tenants: { id: string; name: string; colour: number }[],
  sites: { id: string; tenantId: string; name: string }[],
  gateways: { id: string; siteId: string; name: string }[],
): Choice[] {
  return tenants.flatMap((tenant) => [
    { key: tenant.id, text: tenant.name, depth: 0, colour: tenant.colour, ids: { tenant: tenant.id, site: null, gateway: null } },
    ...sites
      .filter(({ tenantId }) => tenantId === tenant.id)
      .flatMap((site) => [
        {
          key: site.id,
          text: `${tenant.name} / ${site.name}`,
          depth: 1,
          colour: tenant.colour,
          ids: { tenant: tenant.id, site: site.id, gateway: null },
        },
        ...gateways
          .filter(({ siteId }) => siteId === site.id)
          .map((gateway) => ({
            key: gateway.id,
            text: `${tenant.name} / ${site.name} / ${gateway.name}`,
            depth: 2,
            colour: tenant.colour,
            ids: { tenant: tenant.id, site: site.id, gateway: gateway.id },
          })),
      ]),
  ]);
}
