import type { Metadata } from 'next';
import { FirstRun } from '../../../features/enrolment/first-run.tsx';

export const metadata: Metadata = { title: 'First run' };

export default function Page() {
  return <FirstRun />;
}
