import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { request } from '../../../client/request.ts';
import { MAX_GROUPS, MAX_RIGHTS_OF_GROUP } from '../../../proto/http/groups.ts';
import { routes } from '../../../proto/http/routes.ts';
import { ROLES, type Grant, type Role } from '../../../proto/model/access.ts';
import { makePlace, PASSWORD, Person, startWithOwner, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const UNKNOWN = '01a00000-0000-7000-8000-000000000000';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let acme: string;
let other: string;
let number = 0;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  acme = (await makePlace(owner, 'Acme', 'gw1')).tenantId;
  other = (await makePlace(owner, 'Other', 'gw2')).tenantId;
});
beforeEach(() => {
  number += 1;
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

const at = (role: Role, tenantId: string | null = acme): Grant => ({ role, tenantId });
let people = 0;
/** Somebody with a role in Acme, unless said otherwise, who is signed in. */
async function somebody(...grants: Grant[]) {
  const name = `person${++people}`;
  const person = await controller.person(name, grants.length > 0 ? grants : [at('viewer')]);
  return { id: (await person.call(routes.getMe)).id, name, email: `${name}@example.net`, person };
}
const make = (grants: Grant[], members: string[] = [], by = owner, name = `Group ${number}.${++people}`) =>
  by.call(routes.createGroup, { body: { name, grants, members } });
const update = async (id: string, change: object, by = owner) =>
  by.call(routes.updateGroup, {
    params: { id },
    body: { revision: (await by.call(routes.getGroup, { params: { id } })).revision, ...change },
  });
/** The code of a refused change; undefined if it was made. Of what `by` cannot read the owner's revision is named. */
const refusal = async (id: string, change: object, by: Person) => {
  const { revision } = await owner.call(routes.getGroup, { params: { id } });
  return codeOf(by.ask(routes.updateGroup, { params: { id }, body: { revision, ...change } }));
};
const codeOf = async (answer: Promise<{ status: number; body: unknown }>) => ((await answer).body as { code?: string } | undefined)?.code;
const grantsOf = async (person: Person) =>
  (await person.call(routes.getMe)).grants.map(({ role, tenantId }) => `${role} ${tenantId}`).toSorted();
const words = (...grants: Grant[]) => grants.map(({ role, tenantId }) => `${role} ${tenantId}`).toSorted();
const seen = async (id: string, by = owner) =>
  (await by.call(routes.listPeople, { query: { limit: '500' } })).items.find((one) => one.id === id);
const rightsOf = async (groupId: string) => (await postgres.query(url, 'SELECT FROM role_grant WHERE group_id = $1', [groupId])).length;

describe('a group', () => {
  it('gives its members its roles with the next request, and takes them with the membership: sessions, tokens, streams', async () => {
    const { id, person } = await somebody(at('viewer', other));
    const group = await make([at('operator'), at('auditor')], [id]);
    expect(group).toMatchObject({ revision: 1, memberCount: 1, members: [{ id }] });
    expect(await grantsOf(person)).toEqual(words(at('viewer', other), at('operator'), at('auditor')));
    const { secret } = await person.call(routes.createToken, { body: { name: 't', role: 'operator', tenantId: acme } });
    const token = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    await token.call(routes.listGateways);
    const events = await token.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    await update(group.id, { members: [] });
    expect((await token.ask(routes.listGateways)).status).toBe(403);
    expect(await grantsOf(person)).toEqual(words(at('viewer', other)));
    expect((await person.call(routes.listTenants)).items.map((tenant) => tenant.id)).toEqual([other]);
    expect(await events.until(() => false)).toBeUndefined();
  });

  it('that gets and loses roles does so for all its members, and one that is removed takes them all', async () => {
    const [a, b] = [await somebody(), await somebody()];
    const group = await make([at('operator')], [a.id, b.id]);
    const events = await a.person.watch(routes.watchFleet);
    await events.until((event: { kind: string }) => event.kind === 'heartbeat');
    await update(group.id, { grants: [at('operator', other), at('approver')] });
    for (const { person } of [a, b]) expect(await grantsOf(person)).toEqual(words(at('viewer'), at('operator', other), at('approver')));
    await update(group.id, { grants: [at('approver', null)] });
    expect(await grantsOf(a.person)).toEqual(words(at('viewer'), at('approver', null)));
    await owner.call(routes.removeGroup, { params: { id: group.id } });
    for (const { person } of [a, b]) expect(await grantsOf(person)).toEqual(words(at('viewer')));
    expect(await rightsOf(group.id)).toBe(0);
    expect(await codeOf(owner.ask(routes.getGroup, { params: { id: group.id } }))).toBe('NOT_FOUND');
    events.close();
  });

  it('gives beside what a person has and what other groups give: each ends by itself, and is shown with where it comes from', async () => {
    const { id, person } = await somebody(at('operator'));
    const [first, second] = [await make([at('operator')], [id]), await make([at('operator'), at('auditor')], [id])];
    expect(await grantsOf(person)).toEqual(words(at('operator'), at('auditor')));
    const through = ({ id: groupId, name }: { id: string; name: string }) => ({ id: groupId, name });
    expect((await seen(id))!.grants).toEqual([at('operator')]);
    expect((await seen(id))!.groupGrants).toEqual([
      { ...at('operator'), group: through(first) },
      { ...at('operator'), group: through(second) },
      { ...at('auditor'), group: through(second) },
    ]);
    await owner.call(routes.updatePerson, { params: { id }, body: { grants: [] } });
    expect(await grantsOf(person)).toEqual(words(at('operator'), at('auditor')));
    await owner.call(routes.updatePerson, { params: { id }, body: { grants: [at('operator')] } });
    await owner.call(routes.removeGroup, { params: { id: first.id } });
    await update(second.id, { grants: [at('auditor')] });
    expect(await grantsOf(person)).toEqual(words(at('operator'), at('auditor')));
    expect((await seen(id))!.groupGrants).toEqual([{ ...at('auditor'), group: through(second) }]);
  });

  it('loses a person who is removed, gives nothing to one who is suspended, and gives again to one who is resumed', async () => {
    const [gone, away] = [await somebody(), await somebody()];
    const group = await make([at('operator')], [gone.id, away.id]);
    await owner.call(routes.removePerson, { params: { id: gone.id } });
    await owner.call(routes.suspendPerson, { params: { id: away.id } });
    expect(await owner.call(routes.getGroup, { params: { id: group.id } })).toMatchObject({ memberCount: 1, members: [{ id: away.id }] });
    expect((await away.person.ask(routes.getMe)).status).toBe(401);
    await owner.call(routes.resumePerson, { params: { id: away.id } });
    expect(await grantsOf(await controller.signIn(away.email, PASSWORD))).toEqual(words(at('viewer'), at('operator')));
  });

  it('is listed with its roles and the number of its members, page by page', async () => {
    const { id } = await somebody();
    const group = await make([at('operator')], [id]);
    const first = await owner.call(routes.listGroups, { query: { limit: '1' } });
    expect(first.items).toHaveLength(1);
    const { items } = await owner.call(routes.listGroups, { query: { limit: '500', cursor: first.cursor! } });
    const { members: _, ...shown } = group;
    expect(items.find((one) => one.id === group.id)).toEqual(shown);
  });

  it('changes only as somebody saw it: of two administrators at once one is told to look again', async () => {
    const [admin, member, stranger] = [await somebody(at('admin')), await somebody(), await somebody()];
    const group = await make([at('operator')], [member.id]);
    const body = (change: object) => ({ params: { id: group.id }, body: { revision: group.revision, ...change } });
    // Who was added meanwhile would get the role of those who were seen.
    const codes = await Promise.all([
      codeOf(owner.ask(routes.updateGroup, body({ grants: [at('owner', null)] }))),
      codeOf(admin.person.ask(routes.updateGroup, body({ members: [member.id, stranger.id] }))),
    ]);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(await grantsOf(stranger.person)).not.toContain('owner null');
    expect(await codeOf(owner.ask(routes.updateGroup, body({ name: 'Late' })))).toBe('ALREADY_EXISTS');
    const { revision } = await owner.call(routes.getGroup, { params: { id: group.id } });
    expect(revision).toBe(2);
    const same = await owner.call(routes.getGroup, { params: { id: group.id } });
    expect(await update(group.id, { name: same.name, grants: same.grants.toReversed() })).toEqual(same);
  });

  it('that is removed while somebody is added leaves nobody with its roles', async () => {
    const member = await somebody();
    for (let round = 0; round < 5; round++) {
      const { id, revision } = await make([at('operator'), at('auditor')]);
      const [added, removed] = await Promise.all([
        owner.ask(routes.updateGroup, { params: { id }, body: { revision, members: [member.id] } }),
        owner.ask(routes.removeGroup, { params: { id } }),
      ]);
      expect([200, 404]).toContain(added.status);
      expect(removed.status).toBe(204);
      expect(await rightsOf(id)).toBe(0);
    }
    expect(await grantsOf(member.person)).toEqual(words(at('viewer')));
  });

  it('has a name of up to 64 visible characters that no other has, in whatever case', async () => {
    const name = `Équipe ${number}`;
    const { id } = await make([at('viewer')], [], owner, name);
    for (const taken of [name, name.toUpperCase(), `  ${name.toLowerCase()} `])
      expect(await codeOf(owner.ask(routes.createGroup, { body: { name: taken, grants: [at('viewer', other)] } }))).toBe('ALREADY_EXISTS');
    const second = await make([at('viewer')]);
    expect(await refusal(second.id, { name: name.toUpperCase() }, owner)).toBe('ALREADY_EXISTS');
    expect(await update(id, { name: name.toUpperCase() })).toMatchObject({ name: name.toUpperCase() });
    for (const bad of ['', ' ', '\u200b', 'a\u202eb', 'a\nb', 'x'.repeat(65)])
      expect(await codeOf(owner.ask(routes.createGroup, { body: { name: bad, grants: [at('viewer')] } }))).toBe('INVALID_REQUEST');
    await make([at('viewer')], [], owner, 'x'.repeat(64));
  });

  it('has a role, none twice, and nobody twice', async () => {
    const { id } = await somebody();
    for (const wrong of [{ grants: [] }, { grants: [at('viewer'), at('viewer')] }, { members: [id, id] }, { members: ['nobody'] }])
      expect(await codeOf(owner.ask(routes.createGroup, { body: { name: 'Wrong', grants: [at('viewer')], ...wrong } }))).toBe(
        'INVALID_REQUEST',
      );
    const body = { name: 'Wrong', grants: [at('viewer')], members: [UNKNOWN] };
    expect(await codeOf(owner.ask(routes.createGroup, { body }))).toBe('NOT_FOUND');
    expect(await codeOf(owner.ask(routes.createGroup, { body: { name: 'Wrong', grants: [at('viewer', UNKNOWN)] } }))).toBe('NOT_FOUND');
  });

  it('is one of a bounded number in a tenant, and has a bounded number of members with roles', async () => {
    const { tenantId } = await makePlace(owner, 'Full', 'gw');
    await postgres.query(
      url,
      `WITH made AS (INSERT INTO person_group (id, name, revision, is_over_all, tenant_ids, created_at)
         SELECT gen_random_uuid(), 'filler ' || n, 1, false, ARRAY[$1::uuid], now() FROM generate_series(1, $2::int) AS n RETURNING id)
       INSERT INTO person_group_grant (id, group_id, role, tenant_id) SELECT gen_random_uuid(), id, 'viewer', $1 FROM made`,
      [tenantId, MAX_GROUPS],
    );
    expect(await codeOf(owner.ask(routes.createGroup, { body: { name: 'One more', grants: [at('viewer', tenantId)] } }))).toBe(
      'INVALID_REQUEST',
    );
    const elsewhere = await make([at('viewer')]);
    expect(await refusal(elsewhere.id, { grants: [at('viewer'), at('viewer', tenantId)] }, owner)).toBe('INVALID_REQUEST');

    const crowd = await postgres.query<{ id: string }>(
      url,
      `INSERT INTO "user" (id, name, email)
       SELECT gen_random_uuid()::text, 'crowd ' || n, 'crowd' || n || '@example.net' FROM generate_series(1, 1000) AS n RETURNING id`,
    );
    const members = crowd.map(({ id }) => id);
    const { tenantId: third } = await makePlace(owner, 'Third', 'gw');
    const grants = [null, acme, other, third]
      .flatMap((place) => ROLES.map((role) => at(role, place)))
      .slice(0, MAX_RIGHTS_OF_GROUP / 1000 + 1);
    const { id } = await make([at('viewer')], members);
    expect(await refusal(id, { grants }, owner)).toBe('INVALID_REQUEST');
    await update(id, { grants: grants.slice(1, -1) });
    await update(id, { grants: grants.slice(0, -1).filter(({ role }) => role !== 'viewer') });
    await update(id, { members: members.slice(1) });
    await owner.call(routes.removeGroup, { params: { id } });
    await postgres.query(url, `DELETE FROM "user" WHERE name LIKE 'crowd %'`);
  });
});

describe('nobody gives by a group what they could not give', () => {
  it('by making it, changing it, renaming it, joining it, adding somebody, removing somebody or removing it', async () => {
    const [admin, friend] = [await somebody(at('admin')), await somebody()];
    for (const grant of [at('owner'), at('viewer', other), at('viewer', null), at('admin', null), at('owner', null)])
      for (const members of [[], [friend.id], [admin.id]])
        expect(await codeOf(admin.person.ask(routes.createGroup, { body: { name: 'Mine', grants: [at('viewer'), grant], members } }))).toBe(
          'FORBIDDEN',
        );
    const mine = await make([at('operator')], [admin.id], admin.person);
    for (const grant of [at('owner'), at('viewer', other), at('admin', null)])
      expect(await refusal(mine.id, { grants: [at('operator'), grant] }, admin.person)).toBe('FORBIDDEN');
    // One that is seen, and holds more.
    const bosses = await make([at('owner'), at('viewer')], [friend.id]);
    for (const change of [
      { members: [friend.id, admin.id] },
      { members: [] },
      { grants: [at('viewer')] },
      { grants: [at('owner')] },
      { name: 'Mine now' },
      {},
    ])
      expect(await refusal(bosses.id, change, admin.person)).toBe('FORBIDDEN');
    expect(await codeOf(admin.person.ask(routes.removeGroup, { params: { id: bosses.id } }))).toBe('FORBIDDEN');
    expect(await grantsOf(admin.person)).toEqual(words(at('admin'), at('operator')));
    expect(await grantsOf(friend.person)).toEqual(
      words(at('viewer'), at('viewer'), at('owner')).filter((one, i, all) => all.indexOf(one) === i),
    );
    // An administrator over all tenants makes no owners either.
    const over = await somebody(at('admin', null));
    const owners = await make([at('owner', null)]);
    expect(await refusal(owners.id, { members: [over.id] }, over.person)).toBe('FORBIDDEN');
    expect(await codeOf(over.person.ask(routes.removeGroup, { params: { id: owners.id } }))).toBe('FORBIDDEN');
  });

  it('by a role elsewhere that has no say over people there', async () => {
    const { id, person } = await somebody(at('admin'), at('operator', other), at('viewer', null));
    expect(await codeOf(person.ask(routes.createGroup, { body: { name: 'Both', grants: [at('operator', other)], members: [id] } }))).toBe(
      'FORBIDDEN',
    );
    const mine = await make([at('operator')], [id], person);
    expect(await refusal(mine.id, { grants: [at('operator'), at('operator', other)] }, person)).toBe('FORBIDDEN');
    expect(await refusal(mine.id, { grants: [at('viewer', null)] }, person)).toBe('FORBIDDEN');
  });

  it('by a role that the group of the giver has just lost', async () => {
    const { id, person } = await somebody();
    const admins = await make([at('admin')], [id]);
    const mine = await make([at('operator')], [], person);
    await update(admins.id, { grants: [at('operator')] });
    expect(await codeOf(person.ask(routes.listGroups))).toBe('FORBIDDEN');
    expect(await refusal(mine.id, { members: [id] }, person)).toBe('FORBIDDEN');
  });

  it('by a sign-in link for a member that was made before, nor by one for somebody who has more by a group', async () => {
    const admin = await somebody(at('admin'));
    const invited = async () =>
      owner.call(routes.invitePerson, { body: { name: 'Ada', email: `ada${++people}@example.net`, grants: [at('viewer')] } });
    const use = async ({ link }: { link?: string }) =>
      request({ origin: controller.origin, headers: {} }, '/api/auth/use-link', {
        method: 'POST',
        body: { token: new URL(link!).hash.slice(1), password: 'seven quiet herons at dusk' },
      });
    const [joins, stays] = [await invited(), await invited()];
    const links = await Promise.all([joins, stays].map(({ id }) => admin.person.call(routes.createSignInLink, { params: { id } })));
    const group = await make([at('viewer', other)], [joins.id]);
    expect((await use(links[0]!)).status).toBe(403);
    expect((await use(links[1]!)).status).toBe(200);
    // The roles that a group gets later end the links of those who are in it, and a role that they have already ends none.
    const later = await invited();
    const small = await make([at('viewer')], [later.id]);
    const link = await admin.person.call(routes.createSignInLink, { params: { id: later.id } });
    await update(small.id, { name: `Renamed ${number}` });
    expect((await seen(later.id))!.link).toBeDefined();
    await update(small.id, { grants: [at('viewer'), at('operator', other)] });
    expect((await use(link)).status).toBe(403);
    for (const route of [routes.createSignInLink, routes.suspendPerson, routes.removePerson, routes.removeSecondFactors])
      for (const id of [joins.id, later.id]) expect(await codeOf(admin.person.ask(route, { params: { id } }))).toBe('FORBIDDEN');
    await owner.call(routes.removeGroup, { params: { id: group.id } });
    await admin.person.call(routes.createSignInLink, { params: { id: joins.id } });
  });

  it('by a token or a service account, which manage no group', async () => {
    const { secret } = await owner.call(routes.createToken, { body: { name: 't', role: 'owner' } });
    const token = new Person(controller.origin, { authorization: `Bearer ${secret}` });
    expect((await token.call(routes.listGroups)).items.length).toBeGreaterThan(0);
    const { id } = await make([at('viewer')]);
    expect(await codeOf(token.ask(routes.createGroup, { body: { name: 'x', grants: [at('viewer')] } }))).toBe('FORBIDDEN');
    expect(await refusal(id, { name: 'x' }, token)).toBe('FORBIDDEN');
    expect(await codeOf(token.ask(routes.removeGroup, { params: { id } }))).toBe('FORBIDDEN');
  });

  it('and who may not change people changes no group', async () => {
    const { id } = await make([at('viewer')]);
    for (const role of ['operator', 'approver', 'auditor', 'viewer'] as const) {
      const { person } = await somebody(at(role, null));
      expect(await refusal(id, { name: 'x' }, person)).toBe('FORBIDDEN');
      expect(await codeOf(person.ask(routes.listGroups))).toBe('FORBIDDEN');
      expect(await codeOf(person.ask(routes.getGroup, { params: { id } }))).toBe('FORBIDDEN');
    }
  });
});

describe('the last owner', () => {
  // Elsewhere in this file there are other owners.
  let alone: TestController;
  let boss: Person;
  let me: string;
  const refused = async (who: Person, id: string, change: object) => {
    const { revision } = await who.call(routes.getGroup, { params: { id } });
    return codeOf(who.ask(routes.updateGroup, { params: { id }, body: { revision, ...change } }));
  };
  const owners = (members: string[], by = boss) => make([at('owner', null)], members, by);
  const colleague = async () => {
    const person = await alone.person(`colleague${++people}`, [at('viewer', null)]);
    return { id: (await person.call(routes.getMe)).id, person };
  };
  beforeEach(async () => {
    alone = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    boss = await alone.person('boss', [at('owner', null)]);
    me = (await boss.call(routes.getMe)).id;
  });
  afterEach(() => alone.stop());

  it('may be one by a group, which then neither goes nor loses the role or the member', async () => {
    const { id } = await owners([me]);
    await boss.call(routes.updatePerson, { params: { id: me }, body: { grants: [] } });
    // Somebody who never chose a password is no owner to rely on.
    const invited = await boss.call(routes.invitePerson, { body: { name: 'Ada', email: 'ada@example.net', grants: [at('viewer', null)] } });
    expect(await refused(boss, id, { members: [] })).toBe('LAST_OWNER');
    expect(await refused(boss, id, { members: [invited.id] })).toBe('LAST_OWNER');
    expect(await refused(boss, id, { grants: [at('admin', null)] })).toBe('LAST_OWNER');
    expect(await codeOf(boss.ask(routes.removeGroup, { params: { id } }))).toBe('LAST_OWNER');
    expect(await grantsOf(boss)).toEqual(['owner null']);
    expect(await boss.call(routes.getGroup, { params: { id } })).toMatchObject({ revision: 1, members: [{ id: me }] });
    await boss.call(routes.updatePerson, { params: { id: me }, body: { grants: [at('owner', null)] } });
    await boss.call(routes.removeGroup, { params: { id } });
  });

  it('is one of two who unmake each other at once, whichever way each of them goes', async () => {
    const second = await colleague();
    const { id, revision } = await owners([me, second.id]);
    await boss.call(routes.updatePerson, { params: { id: me }, body: { grants: [] } });
    const ways: ((who: Person, another: string) => Promise<string | undefined>)[] = [
      (who, another) => codeOf(who.ask(routes.removePerson, { params: { id: another } })),
      (who, another) =>
        codeOf(
          who.ask(routes.updateGroup, { params: { id }, body: { revision, members: [me, second.id].filter((one) => one !== another) } }),
        ),
    ];
    const codes = await Promise.all([ways[0]!(boss, second.id), ways[1]!(second.person, me)]);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    const rest = codes[0] === undefined ? boss : second.person;
    expect(await grantsOf(rest)).toContain('owner null');
    expect(await refused(rest, id, { members: [] })).toBe('LAST_OWNER');
  });

  it('by a group cannot go as a person either', async () => {
    const [second, third] = [await colleague(), await colleague()];
    const group = await owners([second.id, third.id]);
    await boss.call(routes.removePerson, { params: { id: second.id } });
    await boss.call(routes.updatePerson, { params: { id: me }, body: { grants: [] } });
    await third.person.call(routes.suspendPerson, { params: { id: me } });
    expect(await refused(third.person, group.id, { members: [] })).toBe('LAST_OWNER');
    expect(await codeOf(third.person.ask(routes.removePerson, { params: { id: third.id } }))).toBe('FORBIDDEN');
    expect(await grantsOf(third.person)).toEqual(words(at('viewer', null), at('owner', null)));
  });
});

describe('an administrator of one tenant', () => {
  it('sees the groups all of whose roles are there, and of any other nothing: no name, no id, no member, no number', async () => {
    const [admin, member] = [await somebody(at('admin')), await somebody()];
    const inside = await make([at('operator')], [member.id]);
    const secret = `Secret ${number}`;
    const hidden = [
      await make([at('operator'), at('viewer', other)], [member.id], owner, `${secret} both`),
      await make([at('viewer', other)], [], owner, `${secret} other`),
      await make([at('viewer', null)], [member.id], owner, `${secret} all`),
    ];
    const listed = await admin.person.call(routes.listGroups, { query: { limit: '500' } });
    expect(listed.items.map(({ id }) => id)).toContain(inside.id);
    const text = JSON.stringify([
      listed,
      await admin.person.call(routes.getGroup, { params: { id: inside.id } }),
      await admin.person.call(routes.listPeople, { query: { limit: '500' } }),
      await admin.person.call(routes.listAudit, { query: { limit: '100' } }),
      await admin.person.text(routes.exportAudit),
    ]);
    expect(text).toContain(inside.name);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(other);
    for (const { id } of hidden) expect(text).not.toContain(id);
    await make([at('operator'), at('auditor', null)], [member.id]);
    // That a person has a role there by some group is that tenant's business all the same.
    expect((await seen(member.id, admin.person))!.groupGrants).toEqual([
      at('operator'),
      { ...at('operator'), group: { id: inside.id, name: inside.name } },
    ]);
    for (const { id } of hidden)
      for (const [route, body] of [
        [routes.getGroup, undefined],
        [routes.updateGroup, { revision: 1, name: 'x', members: [] }],
        [routes.removeGroup, undefined],
      ] as const) {
        const [foreign, unknown] = await Promise.all([id, UNKNOWN].map((one) => admin.person.ask(route, { params: { id: one }, body })));
        expect(foreign!.status).toBe(404);
        expect({ ...(foreign!.body as object), instance: '', traceId: '' }).toEqual({
          ...(unknown!.body as object),
          instance: '',
          traceId: '',
        });
      }
    // A name that is taken elsewhere is free here: a refusal would say that it is taken.
    await make([at('viewer')], [], admin.person, hidden[0]!.name);
    await update(inside.id, { name: hidden[1]!.name }, admin.person);
  });

  it('no longer sees a group from when it has a role elsewhere, and sees it again afterwards', async () => {
    const { person } = await somebody(at('admin'));
    const { id } = await make([at('operator')], [], person);
    await update(id, { grants: [at('operator'), at('viewer', other)] });
    expect(await codeOf(person.ask(routes.getGroup, { params: { id } }))).toBe('NOT_FOUND');
    await update(id, { grants: [at('operator')] });
    await person.call(routes.getGroup, { params: { id } });
  });

  it('makes, changes and removes groups there of people whom they see, and learns of nobody else', async () => {
    const [admin, here, elsewhere] = [await somebody(at('admin')), await somebody(), await somebody(at('viewer', other))];
    const group = await make([at('operator')], [here.id], admin.person);
    const answers = await Promise.all(
      [elsewhere.id, UNKNOWN].map((id) =>
        admin.person.ask(routes.updateGroup, { params: { id: group.id }, body: { revision: 1, members: [here.id, id] } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    expect(JSON.stringify(answers)).not.toContain(elsewhere.name);
    await update(group.id, { grants: [at('auditor'), at('viewer')] }, admin.person);
    expect(await grantsOf(here.person)).toEqual(words(at('viewer'), at('auditor')));
    // A member who has no other role there is seen by the group's.
    await update(group.id, { members: [here.id, elsewhere.id] });
    expect((await admin.person.call(routes.getGroup, { params: { id: group.id } })).members).toHaveLength(2);
    expect(await seen(elsewhere.id, admin.person)).toMatchObject({ grants: [] });
    await admin.person.call(routes.removeGroup, { params: { id: group.id } });
    expect(await grantsOf(elsewhere.person)).toEqual(words(at('viewer', other)));
  });
});

describe('the audit trail', () => {
  const entriesOf = async (groupId: string, by = owner) =>
    (await by.call(routes.listAudit, { query: { limit: '100' } })).items.filter(({ detail }) => detail?.groupId === groupId).toReversed();

  it('has every change with before and after, in the tenant’s chain', async () => {
    const [admin, member] = [await somebody(at('admin')), await somebody()];
    const { id, name } = await make([at('operator')], [member.id], admin.person);
    await update(id, { name: `${name}!`, grants: [at('viewer')] }, admin.person);
    await update(id, { members: [] }, admin.person);
    await admin.person.call(routes.removeGroup, { params: { id } });
    const people = [{ id: member.id, name: member.name }];
    expect(
      (await entriesOf(id, admin.person)).map(({ action, tenantId, actor, summary, detail }) => [
        action,
        tenantId,
        actor.name,
        summary,
        detail,
      ]),
    ).toEqual(
      [
        ['group.made', `made the group ${name}`, { after: { name, grants: [at('operator')] }, membersAdded: people }],
        [
          'group.changed',
          `changed the group ${name}!`,
          { before: { name, grants: [at('operator')] }, after: { name: `${name}!`, grants: [at('viewer')] } },
        ],
        ['group.changed', `changed the group ${name}!`, { membersRemoved: people }],
        ['group.removed', `removed the group ${name}!`, { before: { name: `${name}!`, grants: [at('viewer')] } }],
      ].map(([action, what, detail]) => [
        action,
        acme,
        admin.name,
        `${admin.name} ${what as string}`,
        { groupId: id, ...(detail as object) },
      ]),
    );
    expect(await owner.call(routes.verifyAudit)).toMatchObject({ isIntact: true });
  });

  it('of a group of several tenants is the installation’s, and tells each tenant who has which role there', async () => {
    const [auditor, member] = [await somebody(at('auditor')), await somebody()];
    const { id } = await make([at('operator'), at('viewer', other)], [member.id]);
    const [entry] = await entriesOf(id);
    expect(entry).toMatchObject({ action: 'group.made', detail: { after: { grants: [at('operator'), at('viewer', other)] } } });
    expect(entry!.tenantId).toBeUndefined();
    const [part] = (await auditor.person.call(routes.listAudit, { query: { action: 'group.made', limit: '1' } })).items;
    expect(part!.detail).toEqual({ after: { grants: [at('operator')] }, membersAdded: [{ id: member.id, name: member.name }] });
    expect(part!.summary).toBe('owner changed the roles here of a group with roles elsewhere');
  });

  it('has nothing of what was refused or changed nothing', async () => {
    const { id, name } = await make([at('operator')]);
    await update(id, { name, members: [] });
    await refusal(id, { members: [UNKNOWN] }, owner);
    expect(await entriesOf(id)).toHaveLength(1);
  });
});

it('a tenant that demands a second factor demands it of the members of a group with a role there', async () => {
  const { tenantId } = await makePlace(owner, 'Strict', 'gw');
  const [member, stranger] = [await somebody(), await somebody()];
  await make([at('operator', tenantId)], [member.id]);
  const demand = (isDemanded: boolean) =>
    postgres.query(url, 'UPDATE tenant SET demands_second_factor = $2 WHERE id = $1', [tenantId, isDemanded]);
  await demand(true);
  expect(await codeOf(member.person.ask(routes.listTenants))).toBe('MFA_REQUIRED');
  await stranger.person.call(routes.listTenants);
  await demand(false);
});
