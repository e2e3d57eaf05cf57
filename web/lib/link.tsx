'use client';

import NextLink from 'next/link';
import { useRouter } from 'next/navigation';
import { useCallback, type ComponentProps } from 'react';
import { useScopedPath } from './scope.ts';

/** The way from page to page: it keeps the scope. `href` is a path of the console; nothing is fetched before it is followed. */
export function Link({ href, ...rest }: Omit<ComponentProps<typeof NextLink>, 'href' | 'prefetch'> & { href: string }) {
  return <NextLink href={useScopedPath()(href)} prefetch={false} {...rest} />;
}

/** Goes to a path of the console, as a link to it would. */
export function useGo(): (path: string) => void {
  const router = useRouter();
  const scoped = useScopedPath();
  return useCallback((path) => router.push(scoped(path)), [router, scoped]);
}

/** The whole address of a path of the console, to give to somebody else. */
export function useAddress(): (path: string) => string {
  const scoped = useScopedPath();
  return (path) => window.location.origin + scoped(path);
}
