'use client';

import { MantineProvider } from '@mantine/core';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { NuqsAdapter } from 'nuqs/adapters/next/app';
import { useState, type ReactNode } from 'react';
import { ControllerError } from '../../client/problem.ts';
import { resolver, theme } from '../ui/theme.ts';

/** Pages for people who are not signed in. */
const OPEN: ReadonlySet<string> = new Set(['/sign-in', '/welcome', '/forgot']);

/** Wraps every page: theme, cache and URL state. An ended session leads to the sign-in and back, a demanded second factor to
 * where it is set up. */
export function Providers({ nonce, children }: { nonce: string | undefined; children: ReactNode }) {
  const router = useRouter();
  const [client] = useState(
    () =>
      new QueryClient({
        queryCache: new QueryCache({
          onError(error) {
            if (!(error instanceof ControllerError) || OPEN.has(window.location.pathname)) return;
            if (error.code === 'MFA_REQUIRED' && window.location.pathname !== '/account') router.replace('/account');
            if (error.code !== 'UNAUTHENTICATED') return;
            router.replace(`/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`);
          },
        }),
        defaultOptions: {
          queries: {
            retry: (failures, error) => failures < 2 && error instanceof ControllerError && error.canRetry && error.problem.status !== 504,
            refetchOnWindowFocus: false,
          },
        },
      }),
  );
  return (
    <NuqsAdapter>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={resolver}
        defaultColorScheme="auto"
        getStyleNonce={nonce ? () => nonce : undefined}
      >
        <QueryClientProvider client={client}>{children}</QueryClientProvider>
      </MantineProvider>
    </NuqsAdapter>
  );
}
