'use client';

import { useQuery } from '@tanstack/react-query';
import { listSignInProviders } from '../../lib/controller/session.ts';
import { Exit } from '../../lib/link.tsx';

const REFUSALS: Record<string, string> = {
  denied: 'Your directory did not sign you in. Try again, or ask whoever runs it.',
  unreachable: 'Your directory does not answer now. Try again in a minute; an owner can sign in with a password.',
  unverified: 'What your directory answered could not be verified. Try again; if it stays so, tell an owner.',
  expired: 'This sign-in took too long, or was begun in another window. Begin again.',
  'no-address': 'Your directory gave no e-mail address. Ask whoever runs it to release it to ctfleet.',
  taken: 'Somebody here has your e-mail address already and signs in another way. Do that, or ask an owner to remove that account first.',
  suspended: 'This account is suspended. Ask an owner to resume it.',
  'no-role': 'None of your groups has a role here. Ask an owner which group you need.',
};

/** Why somebody came back from a directory without being signed in. */
export function refusalBy(why: string): string {
  return REFUSALS[why] ?? 'The sign-in failed. Begin again.';
}

/** The ways to sign in besides a password: a plain link each, since the browser leaves this site. */
export function SignInProviders({ next }: { next: string }) {
  const { data: providers = [] } = useQuery({ queryKey: ['sign-in-providers'], queryFn: listSignInProviders, retry: false });
  return providers.map(({ id, name }) => (
    <Exit key={id} className="btn large" href={`/api/auth/oidc/${id}/start?next=${encodeURIComponent(next)}`}>
      Sign in with {name}
    </Exit>
  ));
}
