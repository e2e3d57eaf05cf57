import type { AuthorityView } from '../../proto/http/authority.ts';
import { id } from './fixture-fleet.ts';

const YEAR_MS = 365 * 86_400_000;
type Phase = AuthorityView['phase'];
const STEPS: Record<Phase, AuthorityView['steps']> = { steady: ['prepare'], prepared: ['switch', 'back'], switched: ['retire', 'back'] };
const KEY = { certificate: '-----BEGIN CERTIFICATE-----', key: 'here', source: 'made' } as const;

/** An authority of which 12 gateways have not renewed when the new one signs. */
export function fixtureAuthority(nowMs: number, endsOf: () => AuthorityView['ends']) {
  const at = (years: number): string => new Date(nowMs + years * YEAR_MS).toISOString();
  let phase: Phase = 'steady';
  const show = (): AuthorityView => {
    const isNew = phase !== 'steady';
    const issuer = {
      createdAt: at(-1),
      role: 'current',
      isSigning: phase !== 'switched',
      gateways: phase === 'switched' ? 12 : 60,
    } as const;
    return {
      phase,
      since: at(0),
      steps: STEPS[phase],
      waitingTokens: 2,
      ends: endsOf(),
      roots: [
        { ...KEY, id: id(9, 901), subject: 'CN=ctfleet root 1', fingerprint: 'AB:01', endsAt: at(9), isPinned: phase !== 'switched' },
        ...(isNew
          ? [{ ...KEY, id: id(9, 902), subject: 'CN=ctfleet root 2', fingerprint: 'AB:02', endsAt: at(10), isPinned: phase === 'switched' }]
          : []),
      ],
      issuers: [
        { ...issuer, id: id(9, 903), rootId: id(9, 901), subject: 'CN=ctfleet intermediate 1', fingerprint: 'CD:01', endsAt: at(1) },
        ...(isNew
          ? [
              {
                ...issuer,
                id: id(9, 904),
                rootId: id(9, 902),
                subject: 'CN=ctfleet intermediate 2',
                fingerprint: 'CD:02',
                endsAt: at(2),
                role: 'next' as const,
                isSigning: phase === 'switched',
                gateways: phase === 'switched' ? 48 : 0,
              },
            ]
          : []),
      ],
      ...(phase === 'switched' && {
        stranded: {
          step: 'retire' as const,
          total: 12,
          gateways: Array.from({ length: 12 }, (_, at) => ({ id: id(3, at + 1), tenantId: id(1, 1), name: `asleep-gw${at + 1}` })),
        },
      }),
    };
  };
  const to = (next: Phase) => (): AuthorityView => {
    phase = next;
    return show();
  };
  return {
    getAuthority: show,
    prepareAuthority: to('prepared'),
    switchAuthority: to('switched'),
    retireAuthority: to('steady'),
    backAuthority: () => to(phase === 'switched' ? 'prepared' : 'steady')(),
  };
}
