/** The agent's version, as the controller shows it. */
export const AGENT_VERSION = '0.1.0';
/** Of proto/ctfleet/v1. The newest agent works with the last two controllers and the other way round. */
export const PROTOCOL_VERSION = 1;
