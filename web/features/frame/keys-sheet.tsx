'use client';

import { Modal } from '@mantine/core';
import { Fragment } from 'react';
import { useSingleKeys } from '../../ui/keys.ts';

const KEYS: [string[], string][] = [
  [['Ctrl', 'K'], 'Find an address, a gateway, a page'],
  [['g', 'o'], 'Overview'],
  [['g', 'a'], 'Alerts'],
  [['g', 's'], 'Sites'],
  [['g', 'c'], 'Connections'],
  [['g', 'r'], 'Remediations'],
  [['g', 'y'], 'Policies'],
  [['g', 'u'], 'Audit'],
  [['g', 't'], 'Settings'],
  [['/'], 'Write a filter'],
  [['j'], 'Next row (also ↓)'],
  [['k'], 'Row before (also ↑)'],
  [['Enter'], 'Open the row; on a column’s head, sort by it'],
  [['x'], 'Select the row'],
  [['Shift', 'X'], 'Select from the last one to here'],
  [['a'], 'Select all rows that are loaded'],
  [['Shift', 'A'], 'Select all that match'],
  [
    ['d'],
    'Delete what is selected: opens a plan. Without a selection, delete the open flow: at once if it is idle, else it asks in its panel; Undo stands there for a while',
  ],
  [['r'], 'Refresh the snapshot; read the gateway’s settings again'],
  [['v'], 'On a gateway: its overview, or how it tracks'],
  [['z'], 'Times in UTC or in your zone'],
  [['y'], 'Copy the address of this view'],
  [['c'], 'Stop the flush, cancel the roll-out'],
  [['t'], 'Plan again for what failed'],
  [['Shift', 'K'], 'Acknowledge the alert'],
  [['n'], 'New remediation, new policy'],
  [['Alt', '↑'], 'In the form of a policy: the rule further up; with ↓ further down'],
  [['Ctrl', 'Shift', 'Enter'], 'Preview the policy on gateways'],
  [['o'], 'Run the remediation now'],
  [['h'], 'Its history'],
  [['Ctrl', 'Enter'], 'Confirm a sheet, or save'],
  [['Esc'], 'Back out one level'],
  [['?'], 'This list'],
];

/** Every key, and the switch that turns those without a modifier off. */
export function KeysSheet({ isOpen, onClose }: { isOpen: boolean; onClose(): void }) {
  const [singleKeys, setSingleKeys] = useSingleKeys();
  return (
    <Modal opened={isOpen} onClose={onClose} title="Keys" closeButtonProps={{ 'aria-label': 'Close' }}>
      <dl className="keys-list">
        {KEYS.map(([keys, does]) => (
          <Fragment key={does}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </Fragment>
        ))}
      </dl>
      <p style={{ marginTop: 12 }}>
        <label className="row">
          <input type="checkbox" checked={singleKeys} onChange={(event) => setSingleKeys(event.currentTarget.checked)} /> Keys without Ctrl
          act on the page
        </label>
      </p>
    </Modal>
  );
}
