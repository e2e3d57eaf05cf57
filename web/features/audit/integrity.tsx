'use client';

import { useMutation, useQuery, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { IconShieldCheck, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { useClock } from '../../lib/clock.tsx';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { count, shortHash } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { chainName, verdictWords, type Verdict } from '../../../client/words/integrity-words.ts';

type Verify = UseMutationResult<Verdict, Error, void>;

/** Verifies every chain on the controller; the findings stay on the page until it is closed. */
export function useVerify(): Verify {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call(routes.verifyAudit, {}),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['audit-checkpoints'] }),
  });
}

export function VerifyButton({ verify }: { verify: Verify }) {
  return (
    <Button
      icon={IconShieldCheck}
      onClick={() => verify.mutate()}
      refusal={verify.isPending ? 'Every chain is being followed.' : undefined}
    >
      {verify.isPending ? 'Verifying…' : 'Verify the chains'}
    </Button>
  );
}

/** The findings of a verification: green only if every chain is intact; a break is shown across the page with its first bad entry. */
export function Integrity({ verify, onEntry }: { verify: Verify; onEntry(id: string): void }) {
  const clock = useClock();
  const [isOpen, setOpen] = useState(false);
  if (verify.isPending)
    return (
      <div className="integrity" role="status">
        <State kind="verifying">Every chain is being followed from its first entry to its head…</State>
      </div>
    );
  if (verify.error)
    return (
      <div className="pad">
        <Failure
          what="The chains could not be verified"
          error={verify.error}
          stillWorks="This says nothing about whether they are intact."
          onRetry={() => verify.mutate()}
        />
      </div>
    );
  if (!verify.data) return null;
  const verdict = verdictWords(verify.data);
  const broken = verify.data.chains.filter((chain) => !chain.isIntact);
  return (
    <section
      className={`integrity ${verdict.isIntact ? 'green' : 'broken'}`}
      aria-label="Verification"
      role={verdict.isIntact ? 'status' : 'alert'}
    >
      <div className="row">
        <State kind={verdict.isIntact ? 'ok' : 'critical'}>{verdict.text}</State>
        <span className="dim">checked {clock.seconds(verify.data.checkedAt)}</span>
        <span className="grow" />
        <button type="button" className="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide the chains' : 'Show the chains'}
        </button>
        <Button kind="quiet" icon={IconX} label="Close the verification" onClick={() => verify.reset()} />
      </div>
      {broken.map(({ chain, tenantName, firstBreak }) => (
        <p key={chain}>
          <b>{chainName({ chain, tenantName })}</b>:{' '}
          {firstBreak ? (
            <>
              the first bad entry is <b>#{count(firstBreak.seq)}</b>: {firstBreak.why}.{' '}
              {firstBreak.id && (
                <button type="button" className="link" onClick={() => onEntry(firstBreak.id!)}>
                  Open entry #{count(firstBreak.seq)}
                </button>
              )}
            </>
          ) : (
            'its head does not agree with its signed checkpoint.'
          )}{' '}
          Entries before it stand; trust none after it.
        </p>
      ))}
      {isOpen && <Chains verdict={verify.data} />}
    </section>
  );
}

function Chains({ verdict }: { verdict: Verdict }) {
  const clock = useClock();
  const { data: checkpoints, error } = useQuery(queries.auditCheckpoints());
  return (
    <>
      <div className="wide-table">
        <table data-density="compact">
          <thead>
            <tr>
              <th>Chain</th>
              <th>State</th>
              <th className="num">Entries</th>
              <th className="num">Checkpoints</th>
              <th>Newest checkpoint</th>
              <th>Hash</th>
            </tr>
          </thead>
          <tbody>
            {verdict.chains.map((chain) => {
              const newest = checkpoints?.items.find((one) => one.chain === chain.chain);
              return (
                <tr key={chain.chain}>
                  <td>
                    <b>{chainName(chain)}</b>
                  </td>
                  <td>
                    <State kind={chain.isIntact ? 'ok' : 'critical'} isSmall>
                      {chain.isIntact ? 'intact' : `broken at #${count(chain.firstBreak?.seq)}`}
                    </State>
                  </td>
                  <td className="num">{count(chain.entries)}</td>
                  <td className="num">{count(chain.checkpoints)}</td>
                  <td className="dim2">{newest ? `#${count(newest.seq)}, ${clock.full(newest.at)}` : 'none yet'}</td>
                  <td className="mono dim2" title={newest?.hash}>
                    {newest ? shortHash(newest.hash) : '–'}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {error && <p className="red small">The checkpoints could not be read: {error.message}</p>}
      {checkpoints && (
        <div className="stack">
          <h2>Public key {shortHash(checkpoints.keyId)}: keep a copy elsewhere, to check exports without this controller</h2>
          <CopyBlock text={checkpoints.publicKey} label="public key" />
        </div>
      )}
    </>
  );
}
