'use client';

import { useQuery } from '@tanstack/react-query';
import type { PolicyTarget } from '../../../proto/http/saved-policies.ts';
import { useNamesOf } from '../../lib/controller/names.ts';
import * as queries from '../../lib/controller/queries.ts';
import { OptionGroup } from '../../ui/option-group.tsx';

export interface Place {
  tenantId: string | undefined;
  target: PolicyTarget;
}

interface TargetProps extends Place {
  /** A policy stays with its tenant once it is saved. */
  isTenantFixed: boolean;
  isReadOnly: boolean;
  onPlace(place: Place): void;
}

/** Whose policy it is, and what it is for: two lists, of which the second has only what the first allows. */
export function PolicyTargetFields({ tenantId, target, isTenantFixed, isReadOnly, onPlace }: TargetProps) {
  const { data: tenants = [] } = useQuery(queries.tenants());
  const { data: sites = [] } = useQuery(queries.sites());
  const { data: reached } = useQuery(queries.gateways({ ...(tenantId && { tenant: tenantId }), limit: 500 }));
  const inReach = reached?.items ?? [];
  const chosen = target.level === 'gateway' ? target.gatewayId : undefined;
  const gatewayName = useNamesOf(chosen === undefined ? [] : [chosen]);
  const isBeyond = chosen !== undefined && !inReach.some(({ id }) => id === chosen);
  const { data: me } = useQuery(queries.me());
  const isOwn = (one: { tenantId: string }) => one.tenantId === tenantId;
  const tags = [...new Set([...(reached?.tags ?? []), ...(target.level === 'tag' ? [target.tag] : [])])].toSorted();
  const mayAll = me?.grants.some((grant) => grant.tenantId === null) ?? false;
  return (
    <div className="fields">
      <label className="input">
        Of
        <select
          value={tenantId ?? ''}
          disabled={isTenantFixed || isReadOnly}
          onChange={({ currentTarget: { value } }) =>
            onPlace({ tenantId: value || undefined, target: { level: value ? 'tenant' : 'fleet' } })
          }
        >
          {(mayAll || !tenantId) && <option value="">the installation</option>}
          {tenants.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className="input">
        For
        <select
          value={toText(target)}
          disabled={isReadOnly}
          onChange={({ currentTarget: { value } }) => onPlace({ tenantId, target: fromText(value) })}
        >
          <option value={tenantId ? 'tenant' : 'fleet'}>
            {tenantId ? `all of ${tenants.find(({ id }) => id === tenantId)?.name ?? 'it'}` : 'all gateways'}
          </option>
          <OptionGroup label="Tags" options={tags.map((tag) => ({ value: `tag:${tag}`, text: `tag ${tag}` }))} />
          {tenantId && (
            <>
              <OptionGroup label="Sites" options={sites.filter(isOwn).map(({ id, name }) => ({ value: `site:${id}`, text: name }))} />
              <OptionGroup
                label={(reached?.total ?? 0) > inReach.length ? `The first ${inReach.length} gateways of ${reached!.total}` : 'Gateways'}
                options={[...(isBeyond ? [{ id: chosen, name: gatewayName(chosen) }] : []), ...inReach].map(({ id, name }) => ({
                  value: `gateway:${id}`,
                  text: name,
                }))}
              />
            </>
          )}
        </select>
      </label>
    </div>
  );
}

function toText(target: PolicyTarget): string {
  switch (target.level) {
    case 'tag':
      return `tag:${target.tag}`;
    case 'site':
      return `site:${target.siteId}`;
    case 'gateway':
      return `gateway:${target.gatewayId}`;
    default:
      return target.level;
  }
}

function fromText(text: string): PolicyTarget {
  const value = text.slice(text.indexOf(':') + 1);
  if (text.startsWith('tag:')) return { level: 'tag', tag: value };
  if (text.startsWith('site:')) return { level: 'site', siteId: value };
  if (text.startsWith('gateway:')) return { level: 'gateway', gatewayId: value };
  return { level: text === 'fleet' ? 'fleet' : 'tenant' };
}
