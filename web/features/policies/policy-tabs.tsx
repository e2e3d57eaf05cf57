'use client';

import './policies.css';

import { usePathname } from 'next/navigation';
import { Link } from '../../lib/link.tsx';

const TABS = [
  { href: '/policies', text: 'Policies' },
  { href: '/policy-rollouts', text: 'Roll-outs' },
  { href: '/policies/compliance', text: 'Compliance' },
] as const;

/** The three lists about policies. */
export function PolicyTabs() {
  const path = usePathname();
  return (
    <nav className="policy-tabs" aria-label="About policies">
      {TABS.map(({ href, text }) => (
        <Link key={href} href={href} aria-current={path === href ? 'page' : undefined}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
