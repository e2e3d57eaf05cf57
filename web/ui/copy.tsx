'use client';

import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { shortAddress } from '../../client/words/format.ts';

/** An address that is copied on click; a long one shows both its ends. */
export function Address({ value, port }: { value: string; port?: number }) {
  const clipboard = useClipboard({ timeout: 1200 });
  return (
    <button type="button" className="mono copy" title={`Copy ${value}`} onClick={() => clipboard.copy(value)}>
      {shortAddress(value, 30)}
      {port !== undefined && <span className="dim">:{port}</span>}
      {clipboard.copied && <IconCheck className="i s" aria-label="copied" />}
    </button>
  );
}

/** A command to run somewhere else, copied on click. */
export function Command({ text }: { text: string }) {
  const clipboard = useClipboard({ timeout: 1200 });
  return (
    <button type="button" className="mono copy dim" title={`Copy ${text}`} aria-label={`Copy ${text}`} onClick={() => clipboard.copy(text)}>
      {clipboard.copied ? <IconCheck className="i s" aria-label="copied" /> : <IconCopy className="i s" stroke={1.5} aria-hidden />}
    </button>
  );
}

/** Text with a button that copies it. */
export function CopyBlock({ text, label }: { text: string; label: string }) {
  const clipboard = useClipboard({ timeout: 1200 });
  return (
    <div className="copy-block">
      <pre className="code" tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <button
        type="button"
        className="btn quiet slim square"
        aria-label={clipboard.copied ? 'Copied' : `Copy ${label}`}
        onClick={() => clipboard.copy(text)}
      >
        {clipboard.copied ? <IconCheck className="i s" /> : <IconCopy className="i s" stroke={1.5} />}
      </button>
    </div>
  );
}
