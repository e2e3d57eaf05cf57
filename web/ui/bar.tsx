export type BarTone = '' | 'blue' | 'green' | 'amber' | 'red' | 'hatch';

/** A thin bar for a share between 0 and 1; decorative, next to the number it shows. */
export function Bar({ share, tone = '', width }: { share: number; tone?: BarTone; width?: number }) {
  return (
    <div className="bar" style={{ width }} aria-hidden>
      <i className={tone} style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
    </div>
  );
}

/** The colour of a table that is this full. */
export function usageTone(share: number): BarTone {
  return share >= 0.9 ? 'red' : share >= 0.75 ? 'amber' : '';
}
