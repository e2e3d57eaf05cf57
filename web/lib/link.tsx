'use client';

import NextLink from 'next/link';
import { useRouter } from 'next/navigation';
import { useCallback, type ComponentProps } from 'react';
import { useScopedPath } from './scope.ts';
import { whenSaved } from './unsaved.ts';

type LinkProps = Omit<ComponentProps<typeof NextLink>, 'href' | 'prefetch' | 'onNavigate'> & {
  href: string;
  /** What a plain click does instead of navigating; a new tab still navigates. */
  open?(): void;
};

/** A link between pages that keeps the scope. `href` is a path of the console; nothing is prefetched. */
export function Link({ href, open, ...rest }: LinkProps) {
  const go = useGo();
  return (
    <NextLink
      href={useScopedPath()(href)}
      prefetch={false}
      onNavigate={(event) => {
        event.preventDefault();
        (open ?? (() => go(href)))();
      }}
      {...rest}
    />
  );
}

/** A link that leaves the console, by way of the controller. */
export function Exit(props: ComponentProps<'a'> & { href: string }) {
  return <a {...props} />;
}

/** Navigates to a path of the console like a link, after asking if unsaved edits would be lost. */
export function useGo(): (path: string) => void {
  const router = useRouter();
  const scoped = useScopedPath();
  return useCallback((path) => whenSaved(() => router.push(scoped(path))), [router, scoped]);
}

/** Opens a path of the console in another tab. */
export function useNewTab(): (path: string) => void {
  const scoped = useScopedPath();
  return (path) => void window.open(scoped(path), '_blank', 'noopener');
}

/** The full URL of a path of the console, for sharing. */
export function useAddress(): (path: string) => string {
  const scoped = useScopedPath();
  return (path) => window.location.origin + scoped(path);
}
