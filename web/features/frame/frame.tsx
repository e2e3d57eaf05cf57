'use client';

import './frame.css';
import { useMediaQuery } from '@mantine/hooks';
import { usePathname } from 'next/navigation';
import { useState, type ReactNode } from 'react';
import { LiveProvider } from '../../lib/controller/live.tsx';

import { useKey } from '../../ui/keys.ts';
import { KeysSheet } from './keys-sheet.tsx';
import { Nav, usePageKeys } from './nav.tsx';
import { Palette } from './palette.tsx';
import { TopBar } from './top-bar.tsx';
import { useTenantOfPage } from './use-tenant-of-page.ts';

/** What stands around every page: top bar, navigation, and the stripe in the tenant's colour. */
export function Frame({ children }: { children: ReactNode }) {
  return <LiveProvider><FrameBody>{children}</FrameBody></LiveProvider>;
}

function FrameBody({ children }: { children: ReactNode }) {
  const tenant = useTenantOfPage();
  const isNarrow = useMediaQuery('(max-width: 1279px)');
  const isSmall = usePathname() === '/connections' || isNarrow;
  const [isKeysOpen, setKeysOpen] = useState(false);
  usePageKeys();
  useKey('shift+?,?', () => setKeysOpen(true));
  return (
    <div className="app" data-nav={isSmall ? 'small' : 'wide'} data-colour={tenant?.colour ?? 0}>
      <a className="skip" href="#main">Skip to the page</a>
      <TopBar isSmall={isSmall === true} />
      <Nav onKeys={() => setKeysOpen(true)} />
      <main className="main" id="main" tabIndex={-1}>{children}</main>
      <Palette />
      <KeysSheet isOpen={isKeysOpen} onClose={() => setKeysOpen(false)} />
    </div>
  );
}
