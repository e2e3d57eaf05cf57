/** What takes long and says little more is left out of `npm test`; `CTFLEET_WHOLE=1 npm test` plays all of it. */
export const IS_WHOLE = process.env.CTFLEET_WHOLE === '1';
