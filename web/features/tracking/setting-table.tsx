'use client';

import { Fragment, useState } from 'react';
import type { ActualPolicyView } from '../../../proto/http/policies.ts';
import { StateIcon } from '../../ui/state.tsx';
import { useKey } from '../../ui/keys.ts';
import { settingHelp, settingPlace, settingValue } from '../../../client/words/tracking-words.ts';

type Setting = ActualPolicyView['settings'][number];

/** Sizes follow from the machine’s memory; of other kernels’ timeouts no default is known. */
const NO_DEFAULT = { entries: 'by memory', buckets: 'by memory', seconds: '–', switch: '–' } as const;
const HINT = 'What a setting does stands here: point at it, or move with j and k.';

/**
 * Every setting with the kernel's default beside it. Guidance on the one that is pointed at has a place of its own, so that nothing moves.
 */
export function SettingTable({ settings }: { settings: readonly Setting[] }) {
  const [at, setAt] = useState<number>();
  const move = (by: number) => {
    const to = Math.min(Math.max((at ?? -by) + by, 0), settings.length - 1);
    setAt(to);
    document.getElementById(`setting-${to}`)?.scrollIntoView({ block: 'nearest' });
  };
  useKey('j,down', () => move(at === undefined ? 0 : 1));
  useKey('k,up', () => move(-1));
  const current = at === undefined ? undefined : settings[at];
  const groups = Map.groupBy(settings.entries(), ([, setting]) => settingPlace(setting).group);
  return (
    <>
      <div className="sec-head">
        <h2>Settings</h2>
        <span className="dim">as this kernel offers them; bold: not the default of Linux 6.18</span>
      </div>
      <p className="guidance small" role="status" tabIndex={0} aria-label="What the setting does">
        {current ? (
          <>
            <b>{settingPlace(current).name}</b> <span className="mono dim">{current.setting}</span> {settingHelp(current)}
          </>
        ) : (
          <span className="dim">{HINT}</span>
        )}
      </p>
      <Unsettable settings={settings} />
      <table data-density="compact" className="settings">
        <thead>
          <tr>
            <th>Setting</th>
            <th className="num">Value</th>
            <th className="num">Default</th>
          </tr>
        </thead>
        {[...groups].map(([group, rows]) => (
          <tbody key={group}>
            <tr className="group">
              <th colSpan={3} scope="rowgroup">
                {group}
              </th>
            </tr>
            {rows.map(([index, setting]) => (
              <SettingRow key={setting.setting} setting={setting} index={index} isCurrent={index === at} onCurrent={() => setAt(index)} />
            ))}
          </tbody>
        ))}
      </table>
    </>
  );
}

interface RowProps {
  setting: Setting;
  index: number;
  isCurrent: boolean;
  onCurrent(): void;
}

function SettingRow({ setting, index, isCurrent, onCurrent }: RowProps) {
  const { unit, value, defaultValue, unsettable } = setting;
  const isOwn = defaultValue !== undefined && value !== defaultValue;
  const exact = unit === 'seconds' ? `${value} s` : undefined;
  return (
    <tr id={`setting-${index}`} className={isCurrent ? 'cur' : undefined} onMouseEnter={onCurrent}>
      <td>
        <button type="button" className="term" onFocus={onCurrent} onClick={onCurrent}>
          {settingPlace(setting).name}
        </button>
        {unsettable !== undefined && <StateIcon kind="protected" word="cannot be set here" isSmall />}
      </td>
      <td className={`num ${isOwn ? 'strong' : ''}`} title={exact}>
        {settingValue(unit, value)}
      </td>
      <td className="num dim">{defaultValue === undefined ? NO_DEFAULT[unit] : settingValue(unit, defaultValue)}</td>
    </tr>
  );
}

/** Each reason once, with the settings that it holds for. */
function Unsettable({ settings }: { settings: readonly Setting[] }) {
  const reasons = Map.groupBy(
    settings.filter(({ unsettable }) => unsettable !== undefined),
    ({ unsettable }) => unsettable!,
  );
  return (
    <>
      {[...reasons].map(([reason, held]) => (
        <p key={reason} className="note small">
          <StateIcon kind="protected" word="cannot be set here" isSmall />{' '}
          {held.length === settings.length ? (
            'Nothing'
          ) : (
            <span>
              {held.map((setting, index) => (
                <Fragment key={setting.setting}>
                  {index > 0 && ', '}
                  <b>{settingPlace(setting).name}</b>
                </Fragment>
              ))}
            </span>
          )}{' '}
          <span className="dim2">
            {held.length === settings.length ? 'can' : 'cannot'} be set here: {reason}
          </span>
        </p>
      ))}
    </>
  );
}
