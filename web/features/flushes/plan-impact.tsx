'use client';

import { IconLock } from '@tabler/icons-react';
import type { Plan } from '../../../proto/http/plans.ts';
import { useNow } from '../../lib/clock.tsx';
import { count, counted, lasting, shortAddress } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { FATES, impactWords, rateWords } from '../../../client/words/plan-words.ts';

const FATE_ORDER = Object.keys(FATES);

/** What the plan would break: idle and active flows, the protected ones that are left out, and their sources and destinations. */
export function PlanImpact({ plan: { impact, method } }: { plan: Plan }) {
  const { active, idle, unknownActivity, protected: guarded } = impact;
  const share = (flows: number) => ({ flex: `${Math.max(flows, impact.matched / 12)} 1 0` });
  return (
    <section className="band">
      <h2>
        Impact<small>what it would break</small>
      </h2>
      <div className="stack wide">
        <div>
          <div
            className="split"
            role="img"
            aria-label={`${count(idle)} idle, ${count(active)} active, ${count(unknownActivity)} not known, ${count(guarded)} protected and left out`}
          >
            {idle > 0 && (
              <i className="idle" style={share(idle)}>
                {count(idle)} idle
              </i>
            )}
            {active > 0 && (
              <i className="act" style={share(active)}>
                {count(active)} active
              </i>
            )}
            {unknownActivity > 0 && (
              <i className="unknown" style={share(unknownActivity)}>
                {count(unknownActivity)} not known
              </i>
            )}
            {guarded > 0 && (
              <i className="prot">
                <IconLock className="i s" stroke={1.5} aria-hidden />
                {count(guarded)} protected, left out
              </i>
            )}
          </div>
          <p className="dim2" style={{ marginTop: 6 }}>
            {impactWords(impact, method)}
            {impact.rateBitsPerSecond !== undefined && (
              <>
                {' '}
                Together they carry <b>{rateWords(impact.rateBitsPerSecond)}</b> now.
              </>
            )}
          </p>
        </div>
        {impact.predictions.length > 0 && (
          <ul className="fates" aria-label="What will come of them">
            {impact.predictions
              .toSorted((a, b) => FATE_ORDER.indexOf(a.fate) - FATE_ORDER.indexOf(b.fate))
              .map(({ fate, flows, why }) => (
                <li key={`${fate}${why}`}>
                  <State kind={FATES[fate].kind}>
                    {count(flows)} {FATES[fate].word}
                  </State>
                  <span className="dim2">{why}</span>
                </li>
              ))}
          </ul>
        )}
        <div className="three">
          <Top title="Sources" items={impact.topSources} />
          <Top title="Destinations" items={impact.topDestinations} />
          <LongestLived flows={impact.longestLived} />
          <Top title="Protected, by reason" items={pairs(impact.protectedBy)} none="none matched" />
          <Top
            title="By protocol and state"
            items={[
              ...pairs(impact.byProto),
              ...pairs(impact.byState)
                .filter(({ name }) => name !== 'NONE' && name !== 'none')
                .map((one) => ({ ...one, name: one.name.toLowerCase().replaceAll('_', '-') })),
            ]}
            isPlain
          />
          <Top title="By WAN" items={pairs(impact.byWan)} isPlain none="not known" />
        </div>
        {impact.unreplied > 0 && (
          <p className="dim small">
            {counted(impact.unreplied, 'flow')} never got a reply; {count(impact.assured)} are assured, which is what the kernel keeps when
            the table is full.
          </p>
        )}
      </div>
    </section>
  );
}

function Top({
  title,
  items,
  isPlain,
  none = '–',
}: {
  title: string;
  items: { name: string; flows: number }[];
  isPlain?: boolean;
  none?: string;
}) {
  return (
    <div>
      <h3>{title}</h3>
      {items.length === 0 ? (
        <p className="dim small">{none}</p>
      ) : (
        <ul className="mini">
          {items.slice(0, 5).map(({ name, flows }) => (
            <li key={name}>
              <span className={isPlain || !/^[\d.:a-f]+$/.test(name) ? 'ellipsis' : 'mono ellipsis'} title={name}>
                {name}
              </span>
              <span className="dim">{count(flows)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** The five oldest flows, which would be missed most. */
function LongestLived({ flows }: { flows: Plan['impact']['longestLived'] }) {
  const now = useNow(5000);
  return (
    <div>
      <h3>Longest lived</h3>
      {flows.length === 0 ? (
        <p className="dim small">not known</p>
      ) : (
        <ul className="mini">
          {flows.slice(0, 5).map(({ gatewayId, id, orig, startedAt }) => (
            <li key={`${gatewayId}.${id}`}>
              <span className="mono ellipsis" title={`${orig.src} → ${orig.dst}`}>
                {shortAddress(orig.src)} → {shortAddress(orig.dst)}
              </span>
              <span className="dim nowrap">{startedAt && now !== undefined ? lasting((now - Date.parse(startedAt)) / 1000) : '–'}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function pairs(counts: Record<string, number>): { name: string; flows: number }[] {
  return Object.entries(counts)
    .map(([name, flows]) => ({ name, flows }))
    .toSorted((a, b) => b.flows - a.flows);
}
