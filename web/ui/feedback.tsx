import { IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { State } from './state.tsx';

/** Placeholder lines for text that is still loading; they appear after 200 ms. */
export function Skeleton({ lines = 3, height = 20 }: { lines?: number; height?: number }) {
  return (
    <div className="stack" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, i) => (
        <div key={i} className="skeleton" style={{ height, width: `${96 - ((i * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

/** What failed, what still works, and a way to try again. */
export function Failure({ what, error, stillWorks, onRetry }: { what: string; error: Error; stillWorks?: string; onRetry?(): void }) {
  const traceId = 'problem' in error ? (error.problem as { traceId?: string }).traceId : undefined;
  return (
    <div className="note red stack" role="alert">
      <State kind="critical">{what}</State>
      <p className="dim2">
        {error.message}
        {stillWorks && ` ${stillWorks}`}
      </p>
      {traceId && (
        <p className="dim small">
          Trace <span className="mono">{traceId}</span>
        </p>
      )}
      {onRetry && (
        <div>
          <Button icon={IconRefresh} onClick={onRetry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

/** Why there is nothing, and the one thing to do about it. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="stack empty">
      <p className="dim2">{children}</p>
      {action && <div>{action}</div>}
    </div>
  );
}
