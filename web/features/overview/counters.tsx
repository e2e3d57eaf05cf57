'use client';

import type { FleetFigures } from '../../../proto/model/fleet-figures.ts';
import { useLive } from '../../lib/controller/live.tsx';
import { Link, useGo } from '../../lib/link.tsx';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { count, counted, short } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { State } from '../../ui/state.tsx';
import { strandedWords, TRYING, type Need } from '../gateways/need.ts';
import { countedFaults } from '../../../client/words/wan-words.ts';

/** Five numbers, each linking to its evidence; keys 1 to 5. */
export function Counters({ figures, needs }: { figures: FleetFigures; needs: Need[] }) {
  const go = useGo();
  const { running } = useLive();
  const of = (...whys: Need['why'][]) => needs.filter(({ why }) => whys.includes(why));
  const filling = of('filling', 'full');
  const fillingCount = figures.needs.filling + figures.needs.full;
  const stranded = of('stranded');
  const { online } = figures.states;
  const faults = countedFaults(figures.faults);
  const trying = figures.stuckFlows;
  const done = running.reduce((sum, flush) => sum + flush.done, 0);
  const planned = running.reduce((sum, flush) => sum + flush.planned, 0);
  const [unheard] = of('set-aside', 'offline');
  const standing = unheard
    ? `${unheard.gateway.name} ${unheard.why === 'set-aside' ? 'set aside' : 'silent'} for ${unheard.measure}`
    : standingWords(figures);
  const pathOf = (need: Need | undefined) => need?.action.path ?? '/sites';
  const counters = [
    { value: count(online), of: `of ${count(figures.gateways)}`, label: 'gateways up', note: standing, path: '/sites' },
    {
      value: count(fillingCount),
      label: 'filling up',
      note: filling[0] ? (
        <State kind="filling" isSmall>
          first {filling[0].why === 'full' ? `${filling[0].measure} full` : `full in ${filling[0].measure}`}
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
          {strandedWords(stranded, figures.needs.stranded)}
        </State>
      ) : faults !== undefined ? (
        `none on a dead WAN; ${faults}`
      ) : (
        'no WAN is down'
      ),
      path: figures.needs.stranded > 1 ? connectionsPath(TRYING) : pathOf(stranded[0]),
    },
    { value: short(figures.flows), label: 'flows tracked', note: `on ${counted(online, 'gateway')}`, path: '/connections' },
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

/** Where no silent gateway is named: how many there are, or why the others are not up. */
function standingWords({ gateways, states }: FleetFigures): string {
  const silent = [
    states['set-aside'] > 0 && `${count(states['set-aside'])} set aside`,
    states.offline > 0 && `${count(states.offline)} silent`,
  ].filter(Boolean);
  if (silent.length > 0) return silent.join(', ');
  if (states.reconnecting > 0) return `${count(states.reconnecting)} reconnecting`;
  return states.online === gateways ? 'all answer' : 'the others never connected, or were revoked';
}
