'use client';

import { useState } from 'react';

/** The newest value that is not undefined: the earlier answer while a refresh fails. */
export function useKept<T>(value: T | undefined): T | undefined {
  const [kept, setKept] = useState(value);
  if (value !== undefined && value !== kept) setKept(value);
  return value ?? kept;
}
