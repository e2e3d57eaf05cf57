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

describe('the port for other replicas', () => {
  it('is on this machine only by default', () => {
    expect(readConfig(LEAST)).toMatchObject({ peer: { host: '127.0.0.1', port: 0, address: undefined }, drainMs: 5000 });
  });

  it('says where it is reached where it listens on every address', () => {
    expect(() => readConfig({ ...LEAST, CTFLEET_PEER_HOST: '0.0.0.0', CTFLEET_PEER_PORT: '4445' })).toThrow('CTFLEET_PEER_ADDRESS');
    const env = { ...LEAST, CTFLEET_PEER_HOST: '0.0.0.0', CTFLEET_PEER_PORT: '4445', CTFLEET_PEER_ADDRESS: 'ctl-1.example.net:4445' };
    expect(readConfig(env).peer).toEqual({ host: '0.0.0.0', port: 4445, address: 'ctl-1.example.net:4445' });
  });

  it('is fixed where others are told an address', () => {
    expect(() => readConfig({ ...LEAST, CTFLEET_PEER_ADDRESS: 'ctl-1.example.net:4445' })).toThrow('CTFLEET_PEER_PORT');
  });
});

describe('the mail server', () => {
  const SMTP = { ...LEAST, CTFLEET_SMTP_HOST: 'mail.example.net', CTFLEET_SMTP_FROM: 'ctfleet <ctfleet@example.net>' };

  it('is reached with TLS by default, and its user has a password', () => {
    expect(readConfig(LEAST).smtp).toBeUndefined();
    expect(readConfig(SMTP).smtp).toMatchObject({ port: 587, tls: 'starttls', from: { name: 'ctfleet', address: 'ctfleet@example.net' } });
    expect(readConfig({ ...SMTP, CTFLEET_SMTP_TLS: 'tls', CTFLEET_SMTP_FROM: 'a@example.net' }).smtp).toMatchObject({
      port: 465,
      from: { name: '', address: 'a@example.net' },
    });
    expect(() => readConfig({ ...SMTP, CTFLEET_SMTP_USER: 'ctfleet' })).toThrow(/CTFLEET_SMTP_USER: and its password/);
  });

  it('never gets a password without TLS', () => {
    const withPassword = { ...SMTP, CTFLEET_SMTP_USER: 'ctfleet', CTFLEET_SMTP_PASSWORD: 'secret' };
    expect(readConfig(withPassword).smtp).toMatchObject({ user: 'ctfleet' });
    expect(() => readConfig({ ...withPassword, CTFLEET_SMTP_TLS: 'none' })).toThrow(/CTFLEET_SMTP_TLS: .*never sent without TLS/);
  });

  it.each([
    '',
    'ctfleet',
    'a@example.net, b@example.net',
    'x\r\nBcc: <a@example.net>',
    'a@example.net\nSubject: x',
    '<a@example.net> <b@example.net>',
  ])('is not used for mail from %j', (from) => {
    expect(() => readConfig({ ...SMTP, CTFLEET_SMTP_FROM: from })).toThrow(/CTFLEET_SMTP_FROM: must say who the mail is from/);
  });

  it('is needed for whatever else is said about mail', () => {
    expect(() => readConfig({ ...LEAST, CTFLEET_SMTP_FROM: 'a@example.net' })).toThrow(/needs CTFLEET_SMTP_HOST/);
  });
});
