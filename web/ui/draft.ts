'use client';

import { useState } from 'react';

/** A draft of a value that may also change by itself; it is reset to `source` whenever `key` changes. */
export function useDraft(source: string, key: string = source): [string, (draft: string) => void] {
  const [seen, setSeen] = useState(key);
  const [draft, setDraft] = useState(source);
  if (seen !== key) {
    setSeen(key);
    setDraft(source);
    return [source, setDraft];
  }
  return [draft, setDraft];
}
