/** The version of this controller, as package.json has it. */
export const VERSION = '0.1.0';
