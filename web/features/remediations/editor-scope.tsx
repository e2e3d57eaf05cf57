'use client';

import { useQuery } from '@tanstack/react-query';
import { IconX } from '@tabler/icons-react';
import { useNamesOf } from '../../lib/controller/names.ts';
import * as queries from '../../lib/controller/queries.ts';
import { fieldIn } from './document-text.ts';
import type { Form } from './editor-fields.tsx';
import { OptionGroup } from '../../ui/option-group.tsx';

const LISTS = ['tags', 'sites', 'gateways', 'tenants'] as const;
type List = (typeof LISTS)[number];

/** Whose gateways, and which of them: tags, sites and single gateways; a gateway must match every kind of list. */
export function EditorScope({
  form,
  tenantId,
  onTenant,
}: {
  form: Form;
  tenantId: string | undefined;
  onTenant?(id: string | undefined): void;
}) {
  const { data: tenants = [] } = useQuery(queries.tenants());
  const { data: sites = [] } = useQuery(queries.sites());
  const { data: reached } = useQuery(queries.gateways({ ...(tenantId && { tenant: tenantId }), limit: 500 }));
  const gateways = reached?.items ?? [];
  const { data: me } = useQuery(queries.me());
  const isOwn = (one: { tenantId: string }) => !tenantId || one.tenantId === tenantId;
  const chosen = LISTS.flatMap((list) => listIn(form, list).map((value) => ({ list, value })));
  const gatewayName = useNamesOf(listIn(form, 'gateways'));
  const isMore = (reached?.total ?? 0) > gateways.length;
  const nameOf = (list: List, value: string) =>
    list === 'tags' ? `tag ${value}` : ([...sites, ...tenants].find(({ id }) => id === value)?.name ?? gatewayName(value));
  const change = (list: List, values: string[]) => form.set(`scope.${list}`, values.length > 0 ? values : undefined);
  const add = (text: string) => {
    const [list, value] = [LISTS.find((one) => text.startsWith(`${one}:`)), text.slice(text.indexOf(':') + 1)];
    if (list) change(list, [...new Set([...listIn(form, list), value])]);
  };
  const problems = form.problems.filter(({ path }) => path === 'scope' || path.startsWith('scope.'));
  return (
    <div className="stack">
      <div className="fields">
        <label className="input">
          Tenant
          <select value={tenantId ?? ''} disabled={!onTenant} onChange={(event) => onTenant?.(event.currentTarget.value || undefined)}>
            {(!onTenant || me?.grants.some((grant) => grant.tenantId === null)) && <option value="">all tenants</option>}
            {tenants.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="input">
          Only
          <select value="" disabled={form.isOff} onChange={(event) => add(event.currentTarget.value)}>
            <option value="">add a tag, site or gateway</option>
            <OptionGroup label="Tags" options={(reached?.tags ?? []).map((tag) => ({ value: `tags:${tag}`, text: `tag ${tag}` }))} />
            <OptionGroup label="Sites" options={sites.filter(isOwn).map(({ id, name }) => ({ value: `sites:${id}`, text: name }))} />
            <OptionGroup
              label={isMore ? `The first ${gateways.length} gateways of ${reached!.total}` : 'Gateways'}
              options={gateways.filter(isOwn).map(({ id, name }) => ({ value: `gateways:${id}`, text: name }))}
            />
          </select>
        </label>
      </div>
      {chosen.length === 0 ? (
        <p className="dim small">Every gateway of {tenants.find(({ id }) => id === tenantId)?.name ?? 'every tenant'}.</p>
      ) : (
        <ul className="chips">
          {chosen.map(({ list, value }) => (
            <li key={`${list}.${value}`} className="pill">
              {nameOf(list, value)}
              <button
                type="button"
                aria-label={`Without ${nameOf(list, value)}`}
                onClick={() =>
                  change(
                    list,
                    listIn(form, list).filter((one) => one !== value),
                  )
                }
              >
                <IconX className="i s" stroke={1.5} />
              </button>
            </li>
          ))}
        </ul>
      )}
      {problems.map(({ message }) => (
        <p key={message} className="red small" role="alert">
          {message}
        </p>
      ))}
    </div>
  );
}

function listIn(form: Form, list: List): string[] {
  const value = fieldIn(form.raw, `scope.${list}`);
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
