import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { freePort } from '../../../tools/free-port.ts';
import { makePlace, startWithOwner, Person, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';
import { HostileProvider, type Misdeed } from '../../support/hostile-provider.ts';
import { OidcServer } from '../../support/oidc-server.ts';

const PUBLIC = 'http://127.0.0.1:3000';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let acme: string;
let server: OidcServer;
let databaseUrl: string;
let provider: string;
let number = 0;

beforeAll(async () => {
  ({ postgres, url: databaseUrl, controller, owner } = await startWithOwner());
  acme = (await makePlace(owner, 'Acme', 'gw1')).tenantId;
  server = await OidcServer.start(async (issuer) => {
    const made = await owner.call(routes.createProvider, {
      body: {
        name: 'Company',
        issuer,
        clientId: 'ctfleet',
        clientSecret: 'a secret that only the two know',
        scopes: 'openid profile email',
        groups: [
          { group: 'noc', role: 'operator', tenantId: null },
          { group: 'acme', role: 'viewer', tenantId: acme },
        ],
      },
    });
    provider = made.id;
    return [made.callback];
  });
});
beforeEach(() => {
  number += 1;
  server.person = {
    sub: `person-${number}`,
    email: `p${number}@company.example`,
    email_verified: true,
    name: `Person ${number}`,
    groups: ['noc'],
  };
});
afterAll(async () => {
  await server.stop();
  await controller.stop();
  await postgres.stop();
});

/** A browser: cookies by site, and pages that lead on. What is said to the console goes to the controller. */
class Browser {
  readonly cookies = new Map<string, Map<string, string>>();
  /** Every address that it was at. */
  readonly seen: URL[] = [];

  async open(address: string, isLast: (url: URL) => boolean = () => false): Promise<URL> {
    for (let url = new URL(address); ;) {
      this.seen.push(url);
      if (isLast(url) || this.seen.length > 30) return url;
      const isOurs = url.origin === PUBLIC;
      if (isOurs && !url.pathname.startsWith('/api/')) return url;
      const jar = this.cookies.get(url.host) ?? new Map<string, string>();
      this.cookies.set(url.host, jar);
      const response = await fetch(isOurs ? `${controller.origin}${url.pathname}${url.search}` : url, {
        redirect: 'manual',
        headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
        if (/Max-Age=0|expires=Thu, 01 Jan 1970/i.test(cookie)) jar.delete(name!);
        else jar.set(name!, value!);
      }
      const text = await response.text();
      const next =
        response.headers.get('location') ?? /http-equiv="refresh" content="0;url=([^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
      if (next === undefined) throw new Error(`${response.status} at ${url.href}: ${text.slice(0, 300)}`);
      url = new URL(next, url);
    }
  }

  /** Whoever is signed in here; nobody has no cookie. */
  get person(): Person {
    const own = [...(this.cookies.get(new URL(PUBLIC).host) ?? [])].map(([name, value]) => `${name}=${value}`);
    return new Person(controller.origin, { cookie: own.join('; '), origin: PUBLIC });
  }
}

const start = (id = provider, next = '/gateways?x=1&y=2'): string => `${PUBLIC}/api/auth/oidc/${id}/start?next=${encodeURIComponent(next)}`;
const isCallback = (url: URL): boolean => url.pathname.endsWith('/callback');
const pathOf = (url: URL): string => url.pathname + url.search;

async function signIn(browser = new Browser()): Promise<{ at: string; person: Person }> {
  return { at: pathOf(await browser.open(start())), person: browser.person };
}

const statusOf = async (person: Person): Promise<number> => (await person.ask(routes.getMe)).status;
const found = async (email: string) => (await owner.call(routes.listPeople)).items.find((one) => one.email === email);
const actions = async (): Promise<string[]> =>
  (await owner.call(routes.listAudit, { query: { limit: '50' } })).items.map(({ action }) => action);

describe('signing in by a company’s directory', () => {
  it('adds a person at the first sign-in, with the roles of the groups, and leads where the person wanted to go', async () => {
    const { at, person } = await signIn();
    expect(at).toBe('/gateways?x=1&y=2');
    expect(await person.call(routes.getMe)).toMatchObject({
      email: server.person!.email,
      name: server.person!.name,
      grants: [{ role: 'operator', tenantId: null }],
    });
    expect(await found(server.person!.email!)).toMatchObject({
      state: 'active',
      grants: [],
      directoryGrants: [{ role: 'operator', tenantId: null, provider: 'Company' }],
      lastSignInAt: expect.any(String),
    });
    expect((await actions()).slice(0, 2).sort()).toEqual(['person.joined', 'session.signed-in']);
  });

  it('finds the same person again by the provider’s own id, whatever name and address have become', async () => {
    const first = await (await signIn()).person.call(routes.getMe);
    Object.assign(server.person!, { email: `other${number}@company.example`, name: 'Another name' });
    const second = await (await signIn()).person.call(routes.getMe);
    expect(second.id).toBe(first.id);
  });

  it('takes a role at the next sign-in without its group, and gives another', async () => {
    const { person } = await signIn();
    server.person!.groups = ['acme'];
    await signIn();
    expect((await person.call(routes.getMe)).grants).toEqual([{ role: 'viewer', tenantId: acme }]);
    server.person!.groups = [];
    expect((await signIn()).at).toBe('/sign-in?refused=no-role');
    // The earlier session is still there, and may do nothing.
    expect((await person.ask(routes.listGateways)).status).toBe(403);
  });

  it('keeps what people gave, and changes nothing of it', async () => {
    await signIn();
    const { id } = (await found(server.person!.email!))!;
    await owner.call(routes.updatePerson, { params: { id }, body: { grants: [{ role: 'approver', tenantId: acme }] } });
    server.person!.groups = [];
    const { person } = await signIn();
    expect((await person.call(routes.getMe)).grants).toEqual([{ role: 'approver', tenantId: acme }]);
  });

  it('gives a role beside the same one that a person gave, which is one role to whoever has it', async () => {
    const { person } = await signIn();
    const { id } = (await found(server.person!.email!))!;
    await owner.call(routes.updatePerson, { params: { id }, body: { grants: [{ role: 'operator', tenantId: null }] } });
    expect((await person.call(routes.getMe)).grants).toEqual([{ role: 'operator', tenantId: null }]);
  });

  it('leaves what a group of people here gives, which lets in whoever has no group in the directory any more', async () => {
    await signIn();
    const { id } = (await found(server.person!.email!))!;
    const grants = [
      { role: 'operator', tenantId: null },
      { role: 'auditor', tenantId: acme },
    ];
    const { id: groupId } = await owner.call(routes.createGroup, { body: { name: `Group ${number}`, grants, members: [id] } });
    server.person!.groups = ['acme'];
    expect((await (await signIn()).person.call(routes.getMe)).grants).toEqual(
      expect.arrayContaining([...grants, { role: 'viewer', tenantId: acme }]),
    );
    server.person!.groups = [];
    const { person } = await signIn();
    expect((await person.call(routes.getMe)).grants).toHaveLength(2);
    expect(await found(server.person!.email!)).toMatchObject({ grants: [], directoryGrants: [], groupGrants: [{}, {}] });
    await owner.call(routes.removeGroup, { params: { id: groupId } });
    expect((await signIn()).at).toBe('/sign-in?refused=no-role');
  });

  it('adds nobody whose groups give no role, and nobody without an address', async () => {
    server.person!.groups = ['strangers'];
    expect((await signIn()).at).toBe('/sign-in?refused=no-role');
    expect(await found(server.person!.email!)).toBeUndefined();
    Object.assign(server.person!, { email: undefined, groups: ['noc'] });
    expect((await signIn()).at).toBe('/sign-in?refused=no-address');
  });

  it('makes nobody somebody else by an e-mail address, unless that is allowed, verified, and nobody could be that person yet', async () => {
    const email = `taken${number}@company.example`;
    const { id, made } = await owner.call(routes.invitePerson, {
      body: { name: 'Here before', email, grants: [{ role: 'auditor', tenantId: null }] },
    });
    server.person!.email = email;
    expect((await signIn()).at).toBe('/sign-in?refused=taken');
    await owner.call(routes.updateProvider, { params: { id: provider }, body: { linksByEmail: true } });
    try {
      server.person!.email_verified = false;
      expect((await signIn()).at).toBe('/sign-in?refused=taken');
      server.person!.email_verified = true;
      const { person } = await signIn();
      expect(await person.call(routes.getMe)).toMatchObject({ id, name: 'Here before' });
      // Whoever made the invitation, or kept it, is not that person.
      const token = new URL(made.link!).hash.slice(1);
      const used = await fetch(`${controller.origin}/api/auth/use-link`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: PUBLIC },
        body: JSON.stringify({ token, password: 'seven quiet herons at dusk' }),
      });
      expect(used.status).toBe(403);
      await controller.person(`known${number}`, [{ role: 'viewer', tenantId: acme }]);
      server.person = { ...server.person!, sub: `known-${number}`, email: `known${number}@example.net` };
      expect((await signIn()).at).toBe('/sign-in?refused=taken');
    } finally {
      await owner.call(routes.updateProvider, { params: { id: provider }, body: { linksByEmail: false } });
    }
  });

  it('adds a person once, however many windows sign in at the same moment', async () => {
    const all = await Promise.all([signIn(), signIn(), signIn()]);
    expect(all.map(({ at }) => at)).toEqual(Array.from({ length: 3 }, () => '/gateways?x=1&y=2'));
    const ids = await Promise.all(all.map(async ({ person }) => (await person.call(routes.getMe)).id));
    expect(new Set(ids).size).toBe(1);
  });

  it('is the way back for whoever is removed, so such a person is suspended instead', async () => {
    await signIn();
    const { id } = (await found(server.person!.email!))!;
    expect((await owner.ask(routes.removePerson, { params: { id } })).body).toMatchObject({
      code: 'FORBIDDEN',
      detail: expect.stringContaining('Suspend'),
    });
  });

  it('lets nobody in who is suspended', async () => {
    const { person } = await signIn();
    const { id } = (await found(server.person!.email!))!;
    await owner.call(routes.suspendPerson, { params: { id } });
    expect(await statusOf(person)).toBe(401);
    expect((await signIn()).at).toBe('/sign-in?refused=suspended');
  });

  it('says so when the provider refuses', async () => {
    server.person = undefined;
    expect((await signIn()).at).toBe('/sign-in?refused=denied');
  });

  it('leads to no other site, whatever it was asked', async () => {
    for (const next of ['https://evil.example/', '//evil.example', '/\\evil.example', '/ok"><script>', 'gateways']) {
      const url = await new Browser().open(start(provider, next));
      expect([url.origin, pathOf(url)]).toEqual([PUBLIC, '/']);
    }
  });
});

describe('an answer of the provider', () => {
  it('counts once, and only in the browser that asked', async () => {
    const browser = new Browser();
    const answer = await browser.open(start(), isCallback);
    const thief = new Browser();
    expect(pathOf(await thief.open(answer.href))).toBe('/sign-in?refused=expired');
    expect(await statusOf(thief.person)).toBe(401);
    // The thief used it up.
    expect(pathOf(await browser.open(answer.href))).toBe('/sign-in?refused=expired');
    expect(pathOf(await browser.open(start()))).toBe('/gateways?x=1&y=2');
    const used = browser.seen.findLast(isCallback)!;
    expect(pathOf(await browser.open(used.href))).toBe('/sign-in?refused=expired');
  });

  it('whose code was used before is refused', async () => {
    const browser = new Browser();
    const first = await browser.open(start(), isCallback);
    await browser.open(first.href);
    const second = await browser.open(start(), isCallback);
    second.searchParams.set('code', first.searchParams.get('code')!);
    const other = new Browser();
    browser.cookies.forEach((jar, host) => other.cookies.set(host, new Map([...jar].filter(([name]) => name === 'ctfleet.oidc'))));
    expect(pathOf(await other.open(second.href))).toBe('/sign-in?refused=unverified');
    expect(await statusOf(other.person)).toBe(401);
  });

  describe('is believed only if it proves what it says', () => {
    let hostile: HostileProvider;
    let id: string;
    beforeAll(async () => {
      hostile = await HostileProvider.start();
      const groups = [{ group: 'owners', role: 'owner' as const, tenantId: null }];
      id = (await owner.call(routes.createProvider, { body: { name: 'Hostile', issuer: hostile.issuer, clientId: 'ctfleet', groups } })).id;
    });
    afterAll(() => hostile.stop());

    async function attempt(misdeed: Misdeed): Promise<{ at: string; person: Person }> {
      hostile.misdeed = misdeed;
      const browser = new Browser();
      const asked = await browser.open(start(id), (url) => url.pathname === '/authorize');
      expect(asked.searchParams.get('code_challenge_method')).toBe('S256');
      hostile.nonce = asked.searchParams.get('nonce')!;
      const state = asked.searchParams.get('state')!;
      return { at: pathOf(await browser.open(`${PUBLIC}/api/auth/oidc/${id}/callback?code=any&state=${state}`)), person: browser.person };
    }

    it.each(['wrong-issuer', 'wrong-audience', 'wrong-nonce', 'expired', 'foreign-key', 'unsigned', 'garbage'] as const)(
      '%s',
      async (misdeed) => {
        const { at, person } = await attempt(misdeed);
        expect(at).toBe('/sign-in?refused=unverified');
        expect(await statusOf(person)).toBe(401);
        expect(await found('eve@example.net')).toBeUndefined();
      },
    );

    it('nor if its discovery document names another issuer, as those for many organisations do', async () => {
      hostile.named = 'https://login.example/{tenantid}/v2.0';
      try {
        expect((await owner.call(routes.testProvider, { params: { id } })).problem).toContain('names another issuer');
        expect(pathOf(await new Browser().open(start(id)))).toBe('/sign-in?refused=unreachable');
      } finally {
        hostile.named = undefined;
      }
    });

    it('and a provider that changes its keys is believed with the new ones', async () => {
      expect((await attempt('none')).at).toBe('/gateways?x=1&y=2');
      hostile.changeKeys();
      expect((await attempt('none')).at).toBe('/gateways?x=1&y=2');
    });
  });
});

describe('providers', () => {
  const body = { name: 'Another', issuer: 'https://id.example', clientId: 'x' };

  it('are seen and changed by people with a role over all tenants only, and never by a token', async () => {
    const admin = await controller.person(`admin${number}`, [{ role: 'admin', tenantId: acme }]);
    expect((await admin.ask(routes.listProviders)).status).toBe(403);
    expect((await admin.ask(routes.createProvider, { body })).status).toBe(403);
    const { secret } = await owner.call(routes.createToken, { body: { name: 'script', role: 'owner' } });
    const script = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    expect((await script.ask(routes.createProvider, { body })).status).toBe(403);
  });

  it('are changed by owners over all tenants only, whatever their groups give: whoever says whom to believe can become anybody', async () => {
    const admin = await controller.person(`admin${number}`, [{ role: 'admin', tenantId: null }]);
    const params = { id: provider };
    for (const [route, input] of [
      [routes.createProvider, { body: { ...body, linksByEmail: true } }],
      [routes.updateProvider, { params, body: { clientId: 'y' } }],
      [routes.testProvider, { params }],
      [routes.removeProvider, { params }],
    ] as const)
      expect((await admin.ask(route, input)).body).toMatchObject({ code: 'FORBIDDEN' });
    expect((await admin.call(routes.listProviders)).items.length).toBeGreaterThan(0);
  });

  it('keep their issuer: another one is another provider', async () => {
    const answer = await owner.ask(routes.updateProvider, { params: { id: provider }, body: { issuer: 'https://elsewhere.example' } });
    expect(answer.status).toBe(400);
  });

  it('keep the client secret to themselves: it is in no answer, not in the trail, and encrypted in the database', async () => {
    const clientSecret = 'canary-of-a-client-secret';
    const made = await owner.call(routes.createProvider, { body: { ...body, name: `Secret ${number}`, clientSecret } });
    expect(made.hasClientSecret).toBe(true);
    const said = JSON.stringify([
      made,
      await owner.call(routes.listProviders),
      await owner.call(routes.listAudit, { query: { limit: '50' } }),
    ]);
    expect(said).not.toContain('canary');
    const [row] = await postgres.query<{ text: string }>(
      databaseUrl,

      `SELECT encode(client_secret, 'escape') AS text FROM oidc_provider WHERE id = '${made.id}'`,
    );
    expect(row!.text).not.toContain('canary');
    await owner.call(routes.removeProvider, { params: { id: made.id } });
  });

  it('must be reached by https, except on this machine; a test says what is wrong with one', async () => {
    expect((await owner.ask(routes.createProvider, { body: { ...body, issuer: 'http://id.example' } })).status).toBe(400);
    expect(await owner.call(routes.testProvider, { params: { id: provider } })).toEqual({});
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const dead = await owner.call(routes.createProvider, { body: { ...body, name: `Dead ${number}`, issuer: nobody } });
    expect((await owner.call(routes.testProvider, { params: { id: dead.id } })).problem).toMatch(
      /discovery document.*: the connection was refused\.$/,
    );
    expect(pathOf(await new Browser().open(start(dead.id)))).toBe('/sign-in?refused=unreachable');
    await owner.call(routes.removeProvider, { params: { id: dead.id } });
    expect((await fetch(`${controller.origin}/api/auth/oidc/${dead.id}/start`, { redirect: 'manual' })).status).toBe(404);
  });

  it('take with them what their groups gave, and an owner with a password remains', async () => {
    const other = await OidcServer.start(async (issuer) => {
      const groups = [{ group: 'noc', role: 'owner' as const, tenantId: null }];
      const made = await owner.call(routes.createProvider, {
        body: { name: `Second ${number}`, issuer, clientId: 'ctfleet', clientSecret: 'a secret that only the two know', groups },
      });
      provider = made.id;
      return [made.callback];
    });
    other.person = { ...server.person!, sub: 'boss', email: `boss${number}@company.example` };
    const { person } = await signIn();
    expect((await person.call(routes.getMe)).grants).toEqual([{ role: 'owner', tenantId: null }]);
    // An owner by the directory does not count as one who could let everybody in again.
    const { id } = (await owner.call(routes.listPeople)).items.find((one) => one.email.startsWith('owner'))!;
    expect((await person.ask(routes.suspendPerson, { params: { id } })).body).toMatchObject({ code: 'LAST_OWNER' });
    await owner.call(routes.removeProvider, { params: { id: provider } });
    expect((await person.ask(routes.listGateways)).status).toBe(403);
    await other.stop();
  });
});
