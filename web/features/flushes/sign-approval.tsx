'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { IconKey, IconUserCheck } from '@tabler/icons-react';
import type { Approved } from '../../../proto/http/plans.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import { canUsePasskeys, usePasskeyOf } from '../../lib/controller/passkey.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { shortHash } from '../../../client/words/format.ts';

interface SignApprovalProps {
  planId: string;
  digest: string;
  needsSignature: boolean;
  /** What is signed, in the words of its button. */
  signed: string;
  /** What the button without a signature agrees to: `these 12 flows`. */
  agreed: string;
  onSuccess(after: Approved): void;
}

/**
 * How somebody agrees to a plan: by signing it with a passkey, which is one click and one gesture; without one where nothing demands a
 * signature.
 */
export function SignApproval({ planId, digest, needsSignature, signed, agreed, onSuccess }: SignApprovalProps) {
  const { data: account, error: unread } = useQuery(queries.account());
  const asked = { params: { id: planId } };
  const agree = useMutation({ mutationFn: () => call(routes.approvePlan, { ...asked, body: { digest } }), onSuccess });
  const sign = useMutation({
    async mutationFn() {
      const signature = await usePasskeyOf(await call(routes.createApprovalOptions, { ...asked, body: { digest } }));
      return call(routes.approvePlan, { ...asked, body: { digest, signature } });
    },
    onSuccess,
  });
  const hasPasskey = account !== undefined && account.passkeys.length > 0;
  const isPending = agree.isPending || sign.isPending;
  const error = sign.error ?? agree.error;
  return (
    <>
      {hasPasskey && (
        <p className="dim2">
          Signs with your passkey: {account.name}, {account.passkeys.map(({ name }) => name).join(' or ')}.
          <br />
          Signed: {signed}, plan <span className="mono">{shortHash(digest)}</span>, and no other.
        </p>
      )}
      {unread && needsSignature && <p className="red">Your passkeys could not be looked up. {unread.message}</p>}
      {account && !hasPasskey && needsSignature && (
        <p>
          This plan has to be signed with a passkey, and you have none.{' '}
          <Link className="link" href="/account">
            Add one under My account
          </Link>
          , then come back.
        </p>
      )}
      <div className="row">
        {hasPasskey && (
          <Button
            kind="primary"
            icon={IconKey}
            onClick={() => sign.mutate()}
            refusal={canUsePasskeys() ? (isPending ? 'It is being signed.' : undefined) : 'This browser knows no passkeys.'}
          >
            Agree and sign
          </Button>
        )}
        {(account || unread) && !needsSignature && (
          <Button
            kind={hasPasskey ? 'quiet' : 'primary'}
            icon={IconUserCheck}
            onClick={() => agree.mutate()}
            refusal={isPending ? 'It is being noted.' : undefined}
          >
            {hasPasskey ? 'Agree without signing' : `Agree to ${agreed}`}
          </Button>
        )}
        {error && (
          <span className="red" role="alert">
            {error.message}
          </span>
        )}
      </div>
    </>
  );
}
