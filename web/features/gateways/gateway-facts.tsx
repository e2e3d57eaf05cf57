'use client';

import { useQuery } from '@tanstack/react-query';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { NUMBERS, type CounterName } from '../../../proto/model/measures.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { Bar } from '../../ui/bar.tsx';
import { Address } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { count, counted, percent } from '../../../client/words/format.ts';
import { useRowLink } from '../../ui/list.tsx';
import { State, StateIcon } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { FLUSHES, flushSentence } from '../../../client/words/flush-words.ts';
import { worksWords } from '../../../client/words/gateway-words.ts';
import { TRYING } from './need.ts';
import { faultClause } from '../../../client/words/wan-words.ts';
import { wanFault } from '../../../proto/model/wan-fault.ts';

/** Each WAN with its addresses and the flows that use them. A WAN that is down and still has flows offers to end them. */
export function WanTable({ gateway, stale }: { gateway: Gateway; stale: number | undefined }) {
  const { usage } = gateway;
  const wans = gateway.wans.map((wan) => ({ ...wan, flows: wan.flows ?? (usage?.byWan ? (usage.byWan[wan.name] ?? 0) : undefined) }));
  const total = usage?.count;
  const faulty = wans.filter((wan) => wanFault(wan) !== undefined);
  const linkTo = (name: string) => connectionsPath(`wan:${/\s/.test(name) ? `"${name}"` : name}`, gateway.id);
  return (
    <>
      <div className="sec-head">
        <h2>WAN</h2>
        <span className="dim">flows that use its addresses</span>
      </div>
      {wans.length === 0 ? (
        <p className="dim">The gateway has told of no WAN.</p>
      ) : (
        <div className="wide-table">
          <table>
            <thead>
              <tr>
                <th>WAN</th>
                <th>Interface</th>
                <th>Address</th>
                <th>State</th>
                <th className="num">Flows</th>
                <th className="num">Share</th>
              </tr>
            </thead>
            <tbody>
              {wans.map(({ name, interface: device, addresses, flows, ...wan }) => (
                <tr key={name}>
                  <td>
                    <b>{name}</b>
                  </td>
                  <td className="mono dim2">{device}</td>
                  <td>
                    {addresses.length > 0 ? (
                      <span className="lines">
                        {addresses.slice(0, 3).map((address) => (
                          <Address key={address} value={address} />
                        ))}
                      </span>
                    ) : (
                      <span className="dim">none</span>
                    )}
                  </td>
                  <td>
                    <WanState {...wan} />
                  </td>
                  <td className={`num ${wanFault(wan) !== undefined && flows ? 'red strong' : ''}`}>
                    {flows === undefined ? (
                      '–'
                    ) : (
                      <Link href={linkTo(name)} title={`Connections by ${name}`}>
                        {count(flows)}
                      </Link>
                    )}
                  </td>
                  <td className="num dim2">{flows !== undefined && total ? percent(flows, total) : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {stale === undefined ? (
        faulty
          .filter(({ flows }) => flows)
          .map(({ name, flows, ...wan }) => (
            <p key={name} className="note red">
              {count(flows)} flows still use {name}, {faultClause(wanFault(wan)!)}.{' '}
              <Link className="link" href={linkTo(name)}>
                Review {count(flows)} flows
              </Link>
            </p>
          ))
      ) : stale > 0 ? (
        <p className="note red">
          {counted(stale, 'flow')} {stale === 1 ? 'is' : 'are'} stale and still trying: the gateway sends their packets with an address that
          brings no answer.{' '}
          <Link className="link" href={connectionsPath(TRYING, gateway.id)}>
            Look at {stale === 1 ? 'it' : 'them'}
          </Link>
        </p>
      ) : (
        faulty.length > 0 && (
          <p className="note">
            Nothing is still trying: what uses {faulty.map(({ name }) => name).join(' and ')} heals by itself, or goes.
          </p>
        )
      )}
    </>
  );
}

function WanState({ isUp, isAnswering, carriesDefaultRoute }: Omit<Gateway['wans'][number], 'name' | 'interface' | 'addresses' | 'flows'>) {
  const fault = wanFault({ isUp, isAnswering });
  if (fault !== undefined) return <State kind="critical">{fault === 'down' ? fault : `up, ${fault}`}</State>;
  if (isUp === undefined) return <span className="dim">not known</span>;
  return carriesDefaultRoute === false ? <State kind="waiting">up, no default route</State> : <State kind="ok">up</State>;
}

/** The last flushes that touched this gateway. */
export function RecentFlushes({ gateway }: { gateway: Gateway }) {
  const rowLink = useRowLink();
  const clock = useClock();
  const now = useNow(60_000);
  const { data, error } = useQuery(queries.flushes({ gateway: gateway.id, limit: 20 }));
  return (
    <>
      <div className="sec-head">
        <h2>Recent here</h2>
      </div>
      <Unreadable entries={data?.unreadable} />
      {error && !data && <Failure what="The flushes could not be read" error={error} stillWorks="Running ones go on." />}
      {data?.items.length === 0 && !data.unreadable ? (
        <p className="dim">No flush has touched this gateway.</p>
      ) : (
        <ul className="acts">
          {data?.items.slice(0, 6).map((flush) => (
            <li key={flush.id} {...rowLink({ path: `/flushes/${flush.id}` })}>
              <time dateTime={flush.startedAt}>{clock.when(flush.startedAt, now)}</time>
              <StateIcon kind={FLUSHES[flush.state]} word={flush.state} isSmall />
              <Link href={`/flushes/${flush.id}`}>
                {flushSentence(flush)}, by {flush.createdBy}
                {flush.ticket && `, ticket ${flush.ticket}`}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const COUNTERS = ['insertFailed', 'drop', 'earlyDrop', 'searchRestart'] as const satisfies CounterName[];

/** The kernel's counters of each CPU since boot. An outlier is marked. */
export function CpuTable({ gateway: { usage } }: { gateway: Gateway }) {
  const cpus = usage?.cpus ?? [];
  const isHigh = (key: CounterName, value: number | undefined) => {
    const others = cpus.flatMap((cpu) => (cpu[key] === undefined ? [] : [cpu[key]])).toSorted((a, b) => a - b);
    return value !== undefined && value > 10 && others.length > 1 && value > 4 * (others[Math.floor((others.length - 1) / 2)] ?? 0);
  };
  return (
    <>
      <div className="sec-head">
        <h2>Per CPU</h2>
        <span className="dim">since the gateway started</span>
      </div>
      {cpus.length === 0 ? (
        <p className="dim">No counters yet.</p>
      ) : (
        <table data-density="compact">
          <thead>
            <tr>
              <th>CPU</th>
              {COUNTERS.map((name) => (
                <th key={name} className="num mono">
                  {NUMBERS[name].words}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cpus.map((cpu) => (
              <tr key={cpu.cpu}>
                <td>{cpu.cpu}</td>
                {COUNTERS.map((name) => (
                  <td key={name} className={`num ${cpu[name] ? '' : 'dim'}`}>
                    {isHigh(name, cpu[name]) ? (
                      <State kind="warn" isSmall>
                        {count(cpu[name])}
                      </State>
                    ) : (
                      count(cpu[name])
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** The sources with most flows now. */
export function TopSources({ gateway }: { gateway: Gateway }) {
  const { usage } = gateway;
  const sources = usage?.topSources ?? [];
  const most = sources[0]?.flows ?? 1;
  return (
    <>
      <div className="sec-head">
        <h2>Top sources</h2>
        <span className="dim">flows now</span>
      </div>
      {sources.length === 0 ? (
        <p className="dim">Not known yet.</p>
      ) : (
        <ul className="talk">
          {sources.slice(0, 8).map(({ address, flows }, index) => (
            <li key={address}>
              <Link className="mono ellipsis" title={address} href={connectionsPath(`src:${address}`, gateway.id)}>
                {address}
              </Link>
              <Bar share={flows / most} tone={index === 0 ? 'blue' : ''} />
              <span className="num">{count(flows)}</span>
              <span className="num dim">{percent(flows, usage!.count)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/**
 * The external addresses with most flows: a port of an address serves one flow per server, and when the ports are used up new flows are
 * lost.
 */
export function Translations({ gateway }: { gateway: Gateway }) {
  const translations = gateway.usage?.translations ?? [];
  const most = translations[0]?.flows ?? 1;
  if (translations.length === 0) return null;
  return (
    <>
      <div className="sec-head">
        <h2>Translated to</h2>
        <span className="dim" title="An address has 64,512 ports for each server and protocol">
          flows now
        </span>
      </div>
      <ul className="talk translations">
        {translations.slice(0, 6).map(({ address, proto, flows }) => (
          <li key={`${address} ${proto}`}>
            <Link
              className="mono ellipsis"
              title={`${address} ${proto}`}
              href={connectionsPath(`nat:${address} proto:${proto}`, gateway.id)}
            >
              {address} {proto}
            </Link>
            <Bar share={flows / most} />
            <span className="num">{count(flows)}</span>
            <span className="num dim">{percent(flows, gateway.usage!.count)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What was probed on the gateway and works, and what does not, with the reason. */
export function Capabilities({ gateway: { capabilities } }: { gateway: Gateway }) {
  const cannot = Object.entries(capabilities?.cannot ?? {});
  return (
    <>
      <div className="sec-head">
        <h2>Capabilities</h2>
        <span className="dim">found by trying</span>
      </div>
      {!capabilities ? (
        <p className="dim">Not known: it has not said yet.</p>
      ) : (
        <ul className="mini capabilities">
          {cannot.map(([name, reason]) => (
            <li key={name}>
              <State kind="warn" isSmall>
                {name}
              </State>
              <span className="dim2">{reason}</span>
            </li>
          ))}
          <li>
            <State kind="ok" isSmall>
              works
            </State>
            <span className="dim2">{worksWords(capabilities.can)}</span>
          </li>
        </ul>
      )}
    </>
  );
}
