import {
  IconAlertOctagon,
  IconAlertTriangle,
  IconArrowBackUp,
  IconArrowsLeftRight,
  IconBan,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleHalf2,
  IconClock,
  IconClockPlay,
  IconDropletDown,
  IconGauge,
  IconLock,
  IconSearch,
  IconSnowflake,
  type Icon,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { StateKind } from '../../client/words/state-kind.ts';

type Tone = '' | 'red' | 'amber' | 'green' | 'blue';

/** The icon and colour of every kind of state; a state is always icon and word. */
const KINDS = {
  ok: [IconCircleCheck, 'green'],
  warn: [IconAlertTriangle, 'amber'],
  critical: [IconAlertOctagon, 'red'],
  filling: [IconGauge, 'amber'],
  full: [IconGauge, 'red'],
  drops: [IconDropletDown, 'red'],
  offline: [IconBan, ''],
  failed: [IconBan, 'red'],
  partial: [IconCircleHalf2, 'amber'],
  reappeared: [IconArrowBackUp, 'amber'],
  running: [IconClockPlay, 'blue'],
  verifying: [IconSearch, 'blue'],
  waiting: [IconClock, ''],
  never: [IconCircleDashed, ''],
  protected: [IconLock, ''],
  offloaded: [IconSnowflake, ''],
  both: [IconArrowsLeftRight, ''],
} as const satisfies Record<StateKind, readonly [Icon, Tone]>;

/** Icon and word of a state. `isPill` gives it a tinted background, for heads. */
export function State({ kind, children, isPill, isSmall }: { kind: StateKind; children: ReactNode; isPill?: boolean; isSmall?: boolean }) {
  const [Glyph, tone] = KINDS[kind];
  return (
    <span className={`${isPill ? 'pill' : 'state'} ${tone}`}>
      <Glyph className={isPill || isSmall ? 'i s' : 'i'} stroke={1.5} aria-hidden />
      {children}
    </span>
  );
}

/** The icon alone, with its word for screen readers. */
export function StateIcon({ kind, word, isSmall }: { kind: StateKind; word: string; isSmall?: boolean }) {
  const [Glyph, tone] = KINDS[kind];
  return (
    <span className={`state ${tone}`} role="img" aria-label={word} title={word}>
      <Glyph className={isSmall ? 'i s' : 'i'} stroke={1.5} aria-hidden />
    </span>
  );
}
