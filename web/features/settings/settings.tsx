'use client';

import './settings.css';
import { useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTimeZone } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Segments } from '../../ui/button.tsx';
import { Skeleton } from '../../ui/feedback.tsx';
import { useSingleKeys } from '../../ui/keys.ts';
import { SignOut } from '../access/sign-out.tsx';
import { EnrolGateway } from '../enrolment/enrol-gateway.tsx';
import { EnrolMany } from '../enrolment/enrol-many.tsx';
import { Receivers } from '../receivers/receivers.tsx';
import { ApiTokens } from './api-tokens.tsx';
import { Authority } from './authority.tsx';
import { Mail } from './mail.tsx';
import { Storage } from './storage.tsx';

/** Who am I, which gateways join, which tokens act for me, what is kept, and how the console looks. */
export function Settings() {
  return (
    <>
      <div className="head">
        <h1>Settings</h1>
      </div>
      <div className="settings">
        <EnrolGateway />
        <EnrolMany />
        <ApiTokens />
        <Authority />
        <Mail />
        <Receivers />
        <Storage />
        <Me />
        <Preferences />
      </div>
    </>
  );
}

function Me() {
  const { data: me } = useQuery(queries.me());
  const { data: tenants } = useQuery(queries.tenants());
  return (
    <section className="setting">
      <h2>
        You<small>and what you may do</small>
      </h2>
      {!me ? (
        <Skeleton lines={2} />
      ) : (
        <div className="stack">
          <p>
            <b>{me.name}</b>
            {me.email && <span className="dim2"> {me.email}</span>}
          </p>
          <ul className="mini">
            {me.grants.map(({ role, tenantId }) => (
              <li key={`${role}.${tenantId}`}>
                <span>{role}</span>
                <span className="dim2">
                  {tenantId === null ? 'all tenants' : (tenants?.find(({ id }) => id === tenantId)?.name ?? tenantId)}
                </span>
              </li>
            ))}
          </ul>
          <p className="dim">ctfleet {me.version}</p>
          <div>
            <SignOut />
          </div>
        </div>
      )}
    </section>
  );
}

function Preferences() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { zone, own, setZone } = useTimeZone();
  const [singleKeys, setSingleKeys] = useSingleKeys();
  const zones = Intl.supportedValuesOf('timeZone');
  return (
    <section className="setting">
      <h2>
        Console<small>kept in this browser</small>
      </h2>
      <div className="stack wide">
        <div className="row">
          <span className="setting-name">Theme</span>
          <Segments
            label="Theme"
            value={colorScheme}
            onChange={setColorScheme}
            options={[
              { value: 'auto', text: 'System' },
              { value: 'light', text: 'Light' },
              { value: 'dark', text: 'Dark' },
            ]}
          />
        </div>
        <label className="row">
          <span className="setting-name">Time zone</span>
          <span className="input">
            <select value={zone === own ? '' : zone} onChange={(event) => setZone(event.currentTarget.value)}>
              <option value="">{own}, as this machine</option>
              {own !== 'UTC' && <option value="UTC">UTC</option>}
              {zones.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </span>
        </label>
        <label className="row">
          <span className="setting-name">Keys</span>
          <input type="checkbox" checked={singleKeys} onChange={(event) => setSingleKeys(event.currentTarget.checked)} />
          keys without Ctrl act on the page
        </label>
      </div>
    </section>
  );
}
