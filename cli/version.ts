import manifest from '../package.json' with { type: 'json' };

/** Of the release that this program is from. */
export const VERSION: string = manifest.version;
