'use client';

import './frame.css';
import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { usePathname } from 'next/navigation';
import { useState, type ReactNode } from 'react';
import { LiveProvider } from '../../lib/controller/live.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKey } from '../../ui/keys.ts';
import { KeysSheet } from './keys-sheet.tsx';
import { Nav, usePageKeys } from './nav.tsx';
import { Palette } from './palette.tsx';
import { StepUpSheet } from '../account/step-up-sheet.tsx';
import { TopBar } from './top-bar.tsx';
import { UnsavedSheet } from './unsaved-sheet.tsx';
import { useTenantOfPage } from './use-tenant-of-page.ts';

/** The frame of every page: top bar, navigation, and the stripe in the tenant's colour. */
export function Frame({ children }: { children: ReactNode }) {
  return (
    <LiveProvider>
      <FrameBody>{children}</FrameBody>
    </LiveProvider>
  );
}

/** The page, once the signed-in person is known: what is shown and allowed depends on that. */
function Known({ children }: { children: ReactNode }) {
  const { data: me, error, refetch } = useQuery(queries.me());
  if (me) return children;
  if (error)
    return (
      <>
        <div className="head">
          <h1>The controller does not answer</h1>
        </div>
        <div className="empty">
          <Failure what="Nothing can be shown now" error={error} onRetry={() => void refetch()} />
        </div>
      </>
    );
  return (
    <div className="empty">
      <h1 className="sr">Loading</h1>
      <Skeleton lines={8} />
    </div>
  );
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
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <TopBar isSmall={isSmall === true} />
      <Nav onKeys={() => setKeysOpen(true)} />
      <main className="main" id="main" tabIndex={-1}>
        <Known>{children}</Known>
      </main>
      <Palette />
      <UnsavedSheet />
      <StepUpSheet />
      <KeysSheet isOpen={isKeysOpen} onClose={() => setKeysOpen(false)} />
    </div>
  );
}
