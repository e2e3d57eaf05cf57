/** The table of ours that answers packets of flows that are being reset; see operations/refusal-rules.ts. */
export const RESET_TABLE = 'ctfleet_ending';
