'use client';

import { Failure } from '../ui/feedback.tsx';

export default function PageError({ error, reset }: { error: Error & { digest?: string }; reset(): void }) {
  return (
    <main className="empty">
      <Failure what="This page failed" error={error} stillWorks="Flushes that run go on without it." onRetry={reset} />
    </main>
  );
}
