'use client';

import { useMantineColorScheme, useComputedColorScheme } from '@mantine/core';
import { spotlight } from '@mantine/spotlight';
import { IconClock, IconClockPlay, IconContrast, IconSearch, IconUserCircle } from '@tabler/icons-react';
import { useClock, useNow, useTimeZone } from '../../lib/clock.tsx';
import { useLive } from '../../lib/controller/live.tsx';
import { Link } from '../../lib/link.tsx';
import { count, counted } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { Mark } from '../../ui/mark.tsx';
import { ScopeSwitcher } from './scope-switcher.tsx';
import { StreamIndicator } from './stream-indicator.tsx';

/** Brand, scope, palette, running flushes, clock with its zone, state of the stream, theme. */
export function TopBar({ isSmall }: { isSmall: boolean }) {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: true });
  return (
    <header className="top">
      <Link className="brand" href="/" aria-label="ctfleet, overview">
        <Mark />
        {!isSmall && 'ctfleet'}
      </Link>
      <ScopeSwitcher />
      <button type="button" className="palette-button" onClick={spotlight.open}>
        <IconSearch className="i s" stroke={1.5} aria-hidden />
        <span className="grow ellipsis">Address, gateway, action</span>
        <kbd aria-hidden>Ctrl K</kbd>
      </button>
      <span className="grow" />
      <RunningFlushes />
      <ClockItem />
      <StreamIndicator />
      <Link className="topitem" href="/account" aria-label="My account" title="My account">
        <IconUserCircle className="i" stroke={1.5} aria-hidden />
      </Link>
      <button
        type="button"
        className="topitem"
        aria-label={`Switch to the ${scheme === 'dark' ? 'light' : 'dark'} theme`}
        onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}
      >
        <IconContrast className="i" stroke={1.5} />
      </button>
    </header>
  );
}

function RunningFlushes() {
  const { running } = useLive();
  const [first] = running;
  if (!first) return null;
  const done = running.reduce((sum, flush) => sum + flush.done, 0);
  const planned = running.reduce((sum, flush) => sum + flush.planned, 0);
  return (
    <Link className="topitem" href={running.length === 1 ? `/flushes/${first.flushId}` : '/flushes'}>
      <IconClockPlay className="i s" stroke={1.5} aria-hidden />
      {counted(running.length, 'flush', 'flushes')} running{' '}
      <span className="dim optional">
        {count(done)} of {count(planned)}
      </span>
    </Link>
  );
}

function ClockItem() {
  const now = useNow();
  const clock = useClock();
  const { zone, flip } = useTimeZone();
  useKey('z', flip);
  if (now === undefined) return <span className="topitem" />;
  return (
    <button type="button" className="topitem zone" onClick={flip} title="Show times in UTC or in your own zone (z)">
      <IconClock className="i s" stroke={1.5} aria-hidden />
      {clock.time(now)}{' '}
      <span className="dim optional">
        {zone}
        {zone !== 'UTC' && `, ${clock.offset(now)}`}
      </span>
    </button>
  );
}
