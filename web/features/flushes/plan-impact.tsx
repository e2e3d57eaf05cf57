import { IconLock } from '@tabler/icons-react';
import type { Plan } from '../../../proto/http/plans.ts';
import { count, counted } from '../../ui/format.ts';
import { impactWords } from './plan-words.ts';

/** What the plan would break: idle and active flows, protected ones left out, and where they come from and go to. */
export function PlanImpact({ plan: { impact } }: { plan: Plan }) {
  const { active, idle, unknownActivity, protected: guarded } = impact;
  const share = (flows: number) => ({ flex: `${Math.max(flows, impact.matched / 12)} 1 0` });
  return (
    <section className="band"><h2>Impact<small>what it would break</small></h2>
      <div className="stack wide">
        <div>
          <div className="split" role="img" aria-label={`${count(idle)} idle, ${count(active)} active, ${count(unknownActivity)} not known, ${count(guarded)} protected and left out`}>
            {idle > 0 && <i className="idle" style={share(idle)}>{count(idle)} idle: no bytes between two samples</i>}
            {active > 0 && <i className="act" style={share(active)}>{count(active)} active</i>}
            {unknownActivity > 0 && <i className="unknown" style={share(unknownActivity)}>{count(unknownActivity)} not known</i>}
            {guarded > 0 && <i className="prot"><IconLock className="i s" stroke={1.5} aria-hidden />{count(guarded)} protected, left out</i>}
          </div>
          <p className="dim2" style={{ marginTop: 6 }}>{impactWords(impact)}</p>
        </div>
        <div className="three">
          <Top title="Sources" items={impact.topSources} />
          <Top title="Destinations" items={impact.topDestinations} />
          <Top title="Protected, by reason" items={pairs(impact.protectedBy)} none="none matched" />
          <Top title="By protocol" items={pairs(impact.byProto)} isPlain />
          <Top title="By state" items={pairs(impact.byState).map((one) => ({ ...one, name: one.name.toLowerCase().replaceAll('_', '-') }))} isPlain />
          <Top title="By WAN" items={pairs(impact.byWan)} isPlain none="not known" />
        </div>
        {impact.unreplied > 0 && <p className="dim small">{counted(impact.unreplied, 'flow')} never got a reply; {count(impact.assured)} are assured, which is what the kernel keeps when the table is full.</p>}
      </div>
    </section>
  );
}

function Top({ title, items, isPlain, none = '–' }: { title: string; items: { name: string; flows: number }[]; isPlain?: boolean; none?: string }) {
  return (
    <div><h3>{title}</h3>
      {items.length === 0 ? <p className="dim small">{none}</p>
        : <ul className="mini">{items.slice(0, 5).map(({ name, flows }) => <li key={name}><span className={isPlain || !/^[\d.:a-f]+$/.test(name) ? 'ellipsis' : 'mono ellipsis'} title={name}>{name}</span><span className="dim">{count(flows)}</span></li>)}</ul>}
    </div>
  );
}

function pairs(counts: Record<string, number>): { name: string; flows: number }[] {
  return Object.entries(counts).map(([name, flows]) => ({ name, flows })).toSorted((a, b) => b.flows - a.flows);
}
