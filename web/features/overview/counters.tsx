'use client';

import type { Gateway } from '../../../proto/http/fleet.ts';
import { useLive } from '../../lib/controller/live.tsx';
import { Link, useGo } from '../../lib/link.tsx';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { count, counted, short } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { State } from '../../ui/state.tsx';
import { strandedWords, TRYING, type Need } from '../gateways/need.ts';
import { countedFaults } from '../../../client/words/wan-words.ts';

/** Five numbers, each linking to its evidence; keys 1 to 5. */
export function Counters({ gateways, needs }: { gateways: Gateway[]; needs: Need[] }) {
  const go = useGo();
  const { running } = useLive();
  const of = (...whys: Need['why'][]) => needs.filter(({ why }) => whys.includes(why));
  const filling = of('filling', 'full');
  const stranded = of('stranded');
  const online = gateways.filter(({ state }) => state === 'online');
  const faults = countedFaults(gateways.flatMap(({ wans }) => wans));
  const trying = stranded.reduce((sum, { flows = 0 }) => sum + flows, 0);
  const total = online.reduce((sum, { usage }) => sum + (usage?.count ?? 0), 0);
  const done = running.reduce((sum, flush) => sum + flush.done, 0);
  const planned = running.reduce((sum, flush) => sum + flush.planned, 0);
  const [unheard] = of('set-aside', 'offline');
  const reconnecting = gateways.filter(({ state }) => state === 'reconnecting').length;
  const standing = unheard
    ? `${unheard.gateway.name} ${unheard.why === 'set-aside' ? 'set aside' : 'silent'} for ${unheard.measure}`
    : reconnecting > 0
      ? `${count(reconnecting)} reconnecting`
      : online.length === gateways.length
        ? 'all answer'
        : 'the others never connected, or were revoked';
  const pathOf = (need: Need | undefined) => need?.action.path ?? '/sites';
  const counters = [
    { value: count(online.length), of: `of ${count(gateways.length)}`, label: 'gateways up', note: standing, path: '/sites' },
    {
      value: count(filling.length),
      label: 'filling up',
      note: filling[0] ? (
        <State kind="filling" isSmall>
          first {filling[0].why === 'full' ? 'is full' : `full in ${filling[0].measure}`}
        </State>
      ) : (
        'none within a day'
      ),
      path: pathOf(filling[0]),
    },
    {
      value: short(trying),
      label: trying === 1 ? 'flow still trying' : 'flows still trying',
      note: stranded[0] ? (
        <State kind="critical" isSmall>
          {strandedWords(stranded)}
        </State>
      ) : faults !== undefined ? (
        `none on a dead WAN; ${faults}`
      ) : (
        'no WAN is down'
      ),
      path: stranded.length > 1 ? connectionsPath(TRYING) : pathOf(stranded[0]),
    },
    { value: short(total), label: 'flows tracked', note: `on ${counted(online.length, 'gateway')}`, path: '/connections' },
    {
      value: count(running.length),
      label: running.length === 1 ? 'flush running' : 'flushes running',
      note: running.length > 0 ? `${count(done)} of ${count(planned)} flows deleted` : 'nothing is being deleted',
      path: running.length === 1 ? `/flushes/${running[0]!.flushId}` : '/flushes',
    },
  ];
  useKey('1,2,3,4,5', (event) => {
    const path = counters[Number(event.key) - 1]?.path;
    if (path) go(path);
  });
  return (
    <div className="counters">
      {counters.map((one, index) => (
        <Link key={one.label} href={one.path}>
          <span className="v">
            {one.value}
            {one.of && <small> {one.of}</small>}
          </span>
          <span className="l">
            {one.label} <kbd aria-hidden>{index + 1}</kbd>
          </span>
          <span className="n">{one.note}</span>
        </Link>
      ))}
    </div>
  );
}
