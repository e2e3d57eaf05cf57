'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { signOut } from '../../lib/controller/session.ts';
import { Button } from '../../ui/button.tsx';

/** Ends this browser's session and clears all cached data. */
export function SignOut() {
  const client = useQueryClient();
  const router = useRouter();
  return (
    <Button
      onClick={() =>
        void signOut().then(() => {
          client.clear();
          router.replace('/sign-in');
        })
      }
    >
      Sign out
    </Button>
  );
}
