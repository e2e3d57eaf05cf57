'use client';

import type { EndNeed } from '../../../client/words/authority-words.ts';
import { Link } from '../../lib/link.tsx';
import { State } from '../../ui/state.tsx';

/** Certificates of the installation that end soon: they concern every gateway. */
export function AuthorityEnds({ needs }: { needs: EndNeed[] }) {
  if (needs.length === 0) return null;
  return (
    <ul className="mini authority-ends" aria-label="Certificates that end soon">
      {needs.map((need) => (
        <li key={need.key}>
          <State kind={need.kind}>Certificate</State>
          <b>{need.measure}</b>
          <span>
            The {need.what} <span className="mono">{need.name}</span>. <span className="dim2">{need.remedy}</span>
          </span>
          <Link className="link" href="/settings#authority">
            Open the authority
          </Link>
        </li>
      ))}
    </ul>
  );
}
