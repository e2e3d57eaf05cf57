import { request } from '../../client/request.ts';
import { sessionCookie } from '../../client/sign-in.ts';
import { Person, PASSWORD, type TestController } from './controller-fleet.ts';
import { totpOf } from './totp.ts';

/** A browser at the sign-in: it keeps the cookies that it is given. */
export class Visitor {
  cookie: string;
  private readonly controller: TestController;
  private readonly address: string;

  constructor(controller: TestController, { cookie = '', address = '127.0.0.1' } = {}) {
    this.controller = controller;
    this.cookie = cookie;
    this.address = address;
  }

  async post(place: string, body: unknown = {}): Promise<Response> {
    const headers = { 'x-forwarded-for': this.address, ...(this.cookie !== '' && { cookie: this.cookie }) };
    const response = await request({ origin: this.controller.origin, headers }, `/api/auth/${place}`, { method: 'POST', body });
    if (response.headers.getSetCookie().length > 0) this.keep(sessionCookie(response));
    return response;
  }

  enter(email: string, password = PASSWORD): Promise<Response> {
    return this.post('sign-in/email', { email, password });
  }

  get person(): Person {
    return new Person(this.controller.origin, { cookie: this.cookie });
  }

  private keep(given: string): void {
    const jar = new Map(
      `${this.cookie}; ${given}`
        .split('; ')
        .filter(Boolean)
        .map((one) => [one.split('=')[0]!, one]),
    );
    for (const [name, one] of jar) if (one === `${name}=`) jar.delete(name);
    this.cookie = [...jar.values()].join('; ');
  }
}

/** Sets up codes for whoever is signed in, confirmed with the code of half a minute ago. */
export async function setUpTotp(visitor: Visitor): Promise<{ uri: string; recoveryCodes: string[] }> {
  const made = await visitor.post('two-factor/enable', { password: PASSWORD });
  if (!made.ok) throw new Error(`${made.status} ${await made.text()}`);
  const { totpURI, backupCodes } = (await made.json()) as { totpURI: string; backupCodes: string[] };
  const confirmed = await visitor.post('two-factor/verify-totp', { code: totpOf(totpURI, -1) });
  if (!confirmed.ok) throw new Error(`${confirmed.status} ${await confirmed.text()}`);
  return { uri: totpURI, recoveryCodes: backupCodes };
}
