'use client';

import { useQuery } from '@tanstack/react-query';
import {
  IconAdjustmentsHorizontal,
  IconAlertTriangle,
  IconArrowsLeftRight,
  IconBuilding,
  IconClockPlay,
  IconLayoutGrid,
  IconListCheck,
  IconProgressCheck,
  IconScale,
  IconUsers,
  type Icon,
} from '@tabler/icons-react';
import { usePathname } from 'next/navigation';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { counted } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';

/** All pages, each with the key that follows `g`. */
export const PAGES: readonly { path: string; name: string; key: string; icon: Icon; also: string[] }[] = [
  { path: '/', name: 'Overview', key: 'o', icon: IconLayoutGrid, also: [] },
  { path: '/alerts', name: 'Alerts', key: 'a', icon: IconAlertTriangle, also: ['/alerts/'] },
  { path: '/sites', name: 'Sites', key: 's', icon: IconBuilding, also: ['/gateways'] },
  { path: '/connections', name: 'Connections', key: 'c', icon: IconArrowsLeftRight, also: [] },
  { path: '/flushes', name: 'Flushes', key: 'f', icon: IconClockPlay, also: ['/flushes/'] },
  { path: '/remediations', name: 'Remediations', key: 'r', icon: IconProgressCheck, also: ['/remediations/'] },
  { path: '/policies', name: 'Policies', key: 'y', icon: IconScale, also: ['/policies/', '/policy-rollouts'] },
  { path: '/audit', name: 'Audit', key: 'u', icon: IconListCheck, also: [] },
  { path: '/people', name: 'People', key: 'p', icon: IconUsers, also: ['/people/'] },
  { path: '/settings', name: 'Settings', key: 't', icon: IconAdjustmentsHorizontal, also: ['/first-run'] },
];

/** `g` and then a letter goes to a page. */
export function usePageKeys(): void {
  const go = useGo();
  useKey(PAGES.map(({ key }) => `g>${key}`).join(','), (event) => {
    const page = PAGES.find(({ key }) => key === event.key.toLowerCase());
    if (page) go(page.path);
  });
}

/** The list of pages at the left; it keeps the scope. */
export function Nav({ onKeys }: { onKeys(): void }) {
  const path = usePathname();
  const { data: tenants } = useQuery(queries.tenants());
  return (
    <nav className="nav" aria-label="Pages">
      {PAGES.map(({ path: href, name, icon: Glyph, also }) => (
        <Link
          key={href}
          href={href}
          title={name}
          aria-current={path === href || also.some((other) => path.startsWith(other)) ? 'page' : undefined}
        >
          <Glyph className="i" stroke={1.5} aria-hidden />
          <span className="t">{name}</span>
        </Link>
      ))}
      <div className="foot">
        {tenants && (
          <span className="wide">
            {counted(
              tenants.reduce((sum, { gateways }) => sum + gateways, 0),
              'gateway',
            )}
            , {counted(tenants.length, 'tenant')}
          </span>
        )}
        <button type="button" onClick={onKeys} aria-label="Keys">
          <span className="wide">Keys </span>
          <kbd>?</kbd>
        </button>
      </div>
    </nav>
  );
}
