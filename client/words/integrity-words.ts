import type { z } from 'zod';
import type { verifyAudit } from '../../proto/http/audit.ts';
import { count, counted } from './format.ts';

export type Verdict = z.output<typeof verifyAudit.response>;
type Chain = Verdict['chains'][number];

/** The answer to "is it intact?": yes only if every chain is, and then with how much was looked at. */
export function verdictWords({ isIntact, chains }: Verdict): { isIntact: boolean; text: string } {
  const broken = chains.filter((chain) => !chain.isIntact);
  const sum = (of: (chain: Chain) => number) => chains.reduce((total, chain) => total + of(chain), 0);
  if (!isIntact || broken.length > 0)
    return { isIntact: false, text: `The record is broken in ${counted(broken.length, 'chain')} of ${count(chains.length)}` };
  return {
    isIntact: true,
    text: `Intact: ${counted(
      sum(({ entries }) => entries),
      'entry',
      'entries',
    )} in ${counted(chains.length, 'chain')}, held against ${counted(
      sum(({ checkpoints }) => checkpoints),
      'signed checkpoint',
    )}`,
  };
}

/** Whose chain it is. */
export function chainName({ chain, tenantName }: Pick<Chain, 'chain' | 'tenantName'>): string {
  return tenantName ?? (chain === 'system' ? 'the fleet itself' : chain.slice(-6));
}
