import { parseArgs } from 'node:util';
import { fail } from '../say.ts';

export interface DemoOptions {
  gateways: number;
  simulated: number;
  withTraffic: boolean;
  port?: number;
  isDevelopment: boolean;
}

/** The flags of `npm start`; exits with one clear line if a flag is wrong. */
export function demoOptions(args: string[]): DemoOptions {
  try {
    const { values } = parseArgs({
      args,
      options: {
        gateways: { type: 'string', default: '3' },
        simulated: { type: 'string', default: '0' },
        'no-traffic': { type: 'boolean', default: false },
        port: { type: 'string' },
        dev: { type: 'boolean', default: false },
      },
    });
    return {
      gateways: wholeNumber('--gateways', values.gateways, 0, 50),
      simulated: wholeNumber('--simulated', values.simulated, 0, 20_000),
      withTraffic: !values['no-traffic'],
      isDevelopment: values.dev,
      ...(values.port !== undefined && { port: wholeNumber('--port', values.port, 1, 65_535) }),
    };
  } catch (error) {
    return fail(`${(error as Error).message}. Flags: --gateways N, --simulated N, --no-traffic, --port P`);
  }
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Error(`${flag} takes a whole number from ${least} to ${most}, not ${text}`);
  return value;
}
