import os from 'node:os';

/** What this machine or container calls itself. */
export const hostName = (): string => os.hostname();
