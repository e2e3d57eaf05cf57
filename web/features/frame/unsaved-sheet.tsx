'use client';

import { Modal } from '@mantine/core';
import { useLeaving } from '../../lib/unsaved.ts';
import { Button } from '../../ui/button.tsx';

/** Asks before unsaved edits are lost. */
export function UnsavedSheet() {
  const leaving = useLeaving();
  return (
    <Modal
      opened={leaving !== undefined}
      onClose={() => leaving?.stay()}
      title="Your edits are not saved"
      closeButtonProps={{ 'aria-label': 'Stay here' }}
      transitionProps={{ duration: 0 }}
    >
      <p className="dim2">They are lost when you leave this page.</p>
      <div className="row" style={{ marginTop: 12 }}>
        <Button kind="primary" onClick={() => leaving?.stay()}>
          Stay and keep them
        </Button>
        <Button kind="danger-line" onClick={() => leaving?.leave()}>
          Leave without saving
        </Button>
      </div>
    </Modal>
  );
}
