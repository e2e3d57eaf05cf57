import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const LEAST = { CTFLEET_DATABASE_URL: 'postgresql://postgres@127.0.0.1/ctfleet' };

describe('the environment', () => {
  it('needs only a database', () => {
    expect(readConfig(LEAST)).toMatchObject({
      roles: ['api', 'link', 'work'],
      api: { port: 4000 },
      trustedProxies: 'loopback',
      sampleIntervalMs: 10_000,
    });
  });

  it('that is invalid is refused with every invalid variable and the reason', () => {
    const read = () =>
      readConfig({
        CTFLEET_DATABASE_URL: 'mysql://x',
        CTFLEET_API_PORT: '70000',
        CTFLEET_ROLES: 'api,cook',
        CTFLEET_TRUSTED_PROXIES: 'any;one',
      });
    for (const name of ['CTFLEET_DATABASE_URL', 'CTFLEET_API_PORT', 'CTFLEET_ROLES', 'CTFLEET_TRUSTED_PROXIES']) expect(read).toThrow(name);
  });

  it('treats an empty variable as unset', () => {
    expect(readConfig({ ...LEAST, CTFLEET_REDIS_URL: '' }).redisUrl).toBeUndefined();
  });
});
