import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { MAX_POLICIES, MAX_REVISIONS } from '../../../proto/http/saved-policies.ts';
import { MAX_POLICY_BYTES } from '../../../proto/model/policy/limits.ts';
import { makePlace, startWithOwner, Person, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

const UNKNOWN = '01a00000-0000-7000-8000-000000000000';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let acme: { tenantId: string; siteId: string };
let other: { tenantId: string; siteId: string };
let acmeAdmin: Person;
let otherAdmin: Person;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  acme = await makePlace(owner, 'Acme', 'gw1');
  other = await makePlace(owner, 'Other', 'gw2');
  acmeAdmin = await controller.person('acme', [{ role: 'admin', tenantId: acme.tenantId }]);
  otherAdmin = await controller.person('other', [{ role: 'admin', tenantId: other.tenantId }]);
});
afterEach(async () => {
  await postgres.query(url, 'DELETE FROM policy');
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

const yaml = (name: string, spec = '{ timeouts: { icmp: 10s } }', metadata = '') =>
  `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: ${name}${metadata} }\nspec: ${spec}\n`;
const make = (by: Person, name: string, change: object = {}) =>
  by.call(routes.createPolicy, {
    body: { tenantId: acme.tenantId, target: { level: 'tenant' }, document: yaml(name), ...change },
  });
const drop = (id: string) => owner.call(routes.deletePolicy, { params: { id } });
const named = async (who: Person) => (await who.call(routes.listPolicies)).items.map(({ name }) => name);

describe('a policy', () => {
  it('is kept as canonical text under its digest, whichever way it was written', async () => {
    const asText = await make(acmeAdmin, 'one', {
      document:
        '{"apiVersion": "ctfleet/v1", "kind": "TrackingPolicy", "metadata": {"name": "one"}, "spec": {"timeouts": {"icmp": "60s"}}}',
    });
    expect(asText).toMatchObject({
      name: 'one',
      tenantId: acme.tenantId,
      tenantName: 'Acme',
      target: { level: 'tenant' },
      revision: 1,
      createdBy: 'acme',
      changedBy: 'acme',
      document: 'apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata:\n  name: one\nspec:\n  timeouts:\n    icmp: 1m\n',
    });
    expect(await acmeAdmin.call(routes.getPolicy, { params: { id: asText.id } })).toEqual(asText);
    await drop(asText.id);
    const asObject = await make(acmeAdmin, 'one', {
      document: { apiVersion: 'ctfleet/v1', kind: 'TrackingPolicy', metadata: { name: 'one' }, spec: { timeouts: { icmp: '1m' } } },
    });
    expect(asObject.digest).toBe(asText.digest);
  });

  it('with mistakes is refused with the place and the cure of each, and nothing is kept', async () => {
    const document = yaml('two', '{ timeouts: { icmpp: 10s, generic: 5 }, rules: [{ name: a }] }');
    const answer = await acmeAdmin.ask(routes.createPolicy, { body: { tenantId: acme.tenantId, target: { level: 'tenant' }, document } });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: 'POLICY_INVALID',
        detail: 'Line 4, column 21: “icmpp” is not known here; write icmp. There are 2 more.',
        problems: [
          { line: 4, column: 21, path: 'spec.timeouts.icmpp', message: '“icmpp” is not known here', cure: 'write icmp' },
          { line: 4, path: 'spec.timeouts.generic' },
          { line: 4, path: 'spec.rules[0]' },
        ],
      },
    });
    const checked = await acmeAdmin.call(routes.checkPolicy, { body: { tenantId: acme.tenantId, document } });
    expect(checked).toEqual({ problems: (answer.body as { problems: unknown }).problems, changes: [] });
    expect(await named(owner)).toEqual([]);
  });

  it.each([
    ['an alias that would grow', yaml('x', '&a { rules: [*a, *a] }')],
    ['more bytes than a policy may have', yaml('x') + '#'.repeat(MAX_POLICY_BYTES)],
    ['two documents', `${yaml('x')}---\n${yaml('y')}`],
    ['depth', yaml('x', '['.repeat(100) + ']'.repeat(100))],
    ['a name that commands a terminal', yaml('"a\\e[31m"')],
    ['a thousand mistakes', yaml('x', `{ ${Array.from({ length: 900 }, (_, n) => `k${n}: 1`).join(', ')} }`)],
    ['nothing', ''],
  ])('with %s is refused with few problems that have a place', async (_, document) => {
    const { problems } = (
      await acmeAdmin.ask(routes.createPolicy, { body: { tenantId: acme.tenantId, target: { level: 'tenant' }, document } })
    ).body as { problems: { line: number; column: number; message: string }[] };
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(100);
    for (const { line, column, message } of problems) {
      expect([line >= 1, column >= 1]).toEqual([true, true]);
      expect(message.length).toBeLessThanOrEqual(300);
    }
  });

  it('as a body of YAML is refused as every body that is not JSON, which says what to send', async () => {
    const answer = await fetch(`${controller.origin}/api/v1/policies`, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: yaml('x'),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ detail: 'The body is not JSON. Send JSON with “content-type: application/json”.' });
  });

  it('has a name of its own within its tenant, whatever the case, and the tenant that it names', async () => {
    await make(acmeAdmin, 'Busy');
    const body = { tenantId: acme.tenantId, target: { level: 'tenant' } };
    expect(await acmeAdmin.ask(routes.createPolicy, { body: { ...body, document: yaml('bUSY') } })).toMatchObject({
      status: 409,
      body: { code: 'ALREADY_EXISTS' },
    });
    expect(await acmeAdmin.ask(routes.createPolicy, { body: { ...body, document: yaml('x', '{}', ', tenant: Other') } })).toMatchObject({
      body: { code: 'POLICY_INVALID', problems: [{ line: 3, column: 30, path: 'metadata.tenant', cure: 'write Acme, or remove it' }] },
    });
    await make(owner, 'busy', { tenantId: other.tenantId });
    await make(owner, 'BUSY', { tenantId: undefined, target: { level: 'fleet' } });
  });

  it.each([
    ['the fleet, of a tenant', { target: { level: 'fleet' } }, 400],
    ['a tenant, of the installation', { tenantId: undefined, target: { level: 'tenant' } }, 400],
    ['a site, of the installation', { tenantId: undefined, target: { level: 'site', siteId: UNKNOWN } }, 400],
    ['a site that does not exist', { target: { level: 'site', siteId: UNKNOWN } }, 404],
    ['a gateway that does not exist', { target: { level: 'gateway', gatewayId: UNKNOWN } }, 404],
    ['a tenant that does not exist', { tenantId: UNKNOWN }, 404],
    ['a tag without a name', { target: { level: 'tag', tag: '' } }, 400],
  ])('for %s is refused', async (_, change, status) => {
    const body = { tenantId: acme.tenantId, target: { level: 'tenant' }, document: yaml('x'), ...change };
    expect(await owner.ask(routes.createPolicy, { body })).toMatchObject({ status });
  });

  it('for a site of another tenant is refused when it is made and when it is changed, also by somebody who sees both', async () => {
    const target = { level: 'site', siteId: other.siteId };
    const body = { tenantId: acme.tenantId, target, document: yaml('x') };
    expect(await owner.ask(routes.createPolicy, { body })).toMatchObject({ status: 404 });
    const { id } = await make(owner, 'x');
    expect(await owner.ask(routes.updatePolicy, { params: { id }, body: { revision: 1, target } })).toMatchObject({ status: 404 });
  });
});

describe('of several tenants', () => {
  it('each sees and changes its own policies only, and nothing of the others’ names, numbers and contents', async () => {
    const mine = await make(acmeAdmin, 'shared-name');
    const theirs = await make(otherAdmin, 'secret-name', {
      tenantId: other.tenantId,
      document: yaml('secret-name', '{ timeouts: { generic: 77s } }'),
    });
    const ofAll = await make(owner, 'of-all', { tenantId: undefined, target: { level: 'fleet' } });
    expect(await named(acmeAdmin)).toEqual(['shared-name']);
    expect(await named(otherAdmin)).toEqual(['secret-name']);
    expect(await named(owner)).toEqual(['of-all', 'secret-name', 'shared-name']);
    expect((await owner.call(routes.listPolicies, { query: { tenant: acme.tenantId } })).items.map(({ id }) => id)).toEqual([mine.id]);
    for (const { id } of [theirs, ofAll]) {
      for (const route of [routes.getPolicy, routes.listPolicyRevisions, routes.deletePolicy])
        expect(await acmeAdmin.ask(route, { params: { id } })).toMatchObject({ status: 404 });
      const body = { revision: 1, document: yaml('taken') };
      expect(await acmeAdmin.ask(routes.updatePolicy, { params: { id }, body })).toMatchObject({ status: 404 });
    }
    // A name that another tenant has is free, and the dry run does not know it either.
    const checked = await acmeAdmin.call(routes.checkPolicy, { body: { tenantId: acme.tenantId, document: yaml('secret-name') } });
    expect(checked).toMatchObject({ would: 'create' });
    expect(checked.existing).toBeUndefined();
    for (const route of [routes.createPolicy, routes.checkPolicy]) {
      const body = { target: { level: 'tag', tag: 'x' }, document: yaml('x') };
      expect(await acmeAdmin.ask(route, { body })).toMatchObject({ status: 403 });
      expect(await acmeAdmin.ask(route, { body: { ...body, tenantId: other.tenantId } })).toMatchObject({ status: 404 });
    }
  });

  it('people of one role read and people of another write, as the table of actions says', async () => {
    const { id } = await make(owner, 'roles');
    for (const role of ['viewer', 'auditor', 'approver', 'operator'] as const) {
      const person = await controller.person(`policy-${role}`, [{ role, tenantId: acme.tenantId }]);
      expect(await named(person)).toEqual(['roles']);
      await person.call(routes.checkPolicy, { body: { tenantId: acme.tenantId, document: yaml('x') } });
      expect(await person.ask(routes.updatePolicy, { params: { id }, body: { revision: 1, document: yaml('x') } })).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN' },
      });
    }
  });
});

describe('a change', () => {
  it('names the revision that was seen: of two at once one is made, and the other is told', async () => {
    const { id } = await make(owner, 'race');
    const change = (n: number) =>
      owner.ask(routes.updatePolicy, { params: { id }, body: { revision: 1, document: yaml('race', `{ timeouts: { icmp: ${n}s } }`) } });
    const answers = await Promise.all([11, 12, 13, 14].map(change));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({
      code: 'ALREADY_EXISTS',
      detail: 'This policy has been changed since: it is at revision 2. Review it again.',
    });
    expect((await owner.call(routes.listPolicyRevisions, { params: { id } })).items.map(({ revision }) => revision)).toEqual([2, 1]);
  });

  it('that changes nothing makes no revision and no entry of the trail', async () => {
    const { id } = await make(owner, 'same');
    const body = { revision: 1, document: `# a comment\n${yaml('same')}`, target: { level: 'tenant' } };
    expect(await owner.call(routes.updatePolicy, { params: { id }, body })).toMatchObject({ revision: 1 });
    const entries = (await owner.call(routes.listAudit, { query: { q: 'same' } })).items;
    expect(entries.map(({ action }) => action)).toEqual(['policy.made']);
  });

  it('is in the trail with who, what and the digests of before and after', async () => {
    const made = await make(acmeAdmin, 'trail', { document: yaml('trail', '{ helpers: [ftp], rules: [{ name: a, mode: off }] }') });
    const changed = await acmeAdmin.call(routes.updatePolicy, {
      params: { id: made.id },
      body: {
        revision: 1,
        document: yaml('trail', '{ helpers: [], timeouts: { icmp: 10s }, rules: [{ name: b, mode: off }] }'),
        target: { level: 'site', siteId: acme.siteId },
      },
    });
    await drop(made.id);
    const [deleted, change, creation] = (await acmeAdmin.call(routes.listAudit, { query: { q: 'policy trail' } })).items;
    expect(creation).toMatchObject({ action: 'policy.made', summary: 'acme made the policy trail', tenantId: acme.tenantId });
    expect(change).toMatchObject({
      action: 'policy.changed',
      actor: { kind: 'user', name: 'acme' },
      summary: 'acme changed the policy trail: helpers: ftp → none and 4 more',
      detail: {
        policyId: made.id,
        before: { revision: 1, digest: made.digest, target: 'tenant Acme' },
        after: { revision: 2, digest: changed.digest, target: 'site HQ' },
        changes: ['helpers: ftp → none', 'rule a removed', 'timeouts.icmp: nothing → 10s', 'rule b added', 'for: tenant Acme → site HQ'],
      },
    });
    expect(deleted).toMatchObject({
      action: 'policy.deleted',
      summary: 'owner deleted the policy trail',
      detail: { before: { revision: 2 } },
    });
  });

  it('leaves the last revisions, oldest first forgotten', async () => {
    const { id } = await make(owner, 'many');
    for (let revision = 1; revision <= MAX_REVISIONS; revision++)
      await owner.call(routes.updatePolicy, {
        params: { id },
        body: { revision, document: yaml('many', `{ timeouts: { icmp: ${revision + 10}s } }`) },
      });
    const { items } = await owner.call(routes.listPolicyRevisions, { params: { id } });
    expect(items.map(({ revision }) => revision)).toEqual(Array.from({ length: MAX_REVISIONS }, (_, n) => MAX_REVISIONS + 1 - n));
    expect(items[0]).toMatchObject({ name: 'many', target: 'tenant Acme', changedBy: 'owner' });
    expect(items[0]!.document).toContain(`icmp: 1m`);
    await drop(id);
    expect(await postgres.query(url, 'SELECT 1 FROM policy_revision')).toEqual([]);
  });

  it('of large documents leaves as many revisions as fit, and at least the newest', async () => {
    const rules = (n: number) =>
      Array.from(
        { length: 200 },
        (_, rule) =>
          `{ name: r${rule}, mode: off, match: { src: [${Array.from({ length: 64 }, (_, at) => `10.${n}.${rule}.${at}`).join(', ')}] } }`,
      );
    const large = (n: number) => yaml('large', `{ rules: [${rules(n).join(', ')}] }`);
    expect(large(100).length).toBeLessThanOrEqual(MAX_POLICY_BYTES);
    const { id } = await make(owner, 'large', { document: large(100) });
    for (let revision = 1; revision <= 8; revision++)
      await owner.call(routes.updatePolicy, { params: { id }, body: { revision, document: large(100 + revision) } });
    const { items } = await owner.call(routes.listPolicyRevisions, { params: { id } });
    expect(items.length).toBeLessThan(9);
    expect(items[0]!.revision).toBe(9);
    expect(items.reduce((bytes, { document }) => bytes + document.length, 0)).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  it('beyond the number of policies of a tenant is refused, and other tenants are not affected', async () => {
    await postgres.query(
      url,
      `INSERT INTO policy (id, tenant_id, name, name_key, revision, level,
        document, digest, created_by_name, created_at, changed_by_name, changed_at)
       SELECT gen_random_uuid(), '${acme.tenantId}', 'p' || n, 'p' || n, 1, 'tenant', 'x', 'x', 'x', now(), 'x', now()
       FROM generate_series(1, ${MAX_POLICIES}) AS n`,
    );
    const body = { tenantId: acme.tenantId, target: { level: 'tenant' }, document: yaml('x') };
    expect(await acmeAdmin.ask(routes.createPolicy, { body })).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
    expect((await acmeAdmin.call(routes.checkPolicy, { body })).refusal).toContain('500 policies');
    await make(otherAdmin, 'free', { tenantId: other.tenantId });
  });
});

describe('a pipeline', () => {
  const asProgram = async (name: string) => {
    const { secret } = await owner.call(routes.createServiceAccount, {
      body: { name, purpose: 'GitOps', role: 'admin', tenantId: acme.tenantId },
    });
    return new Person(controller.origin, { authorization: `Bearer ${secret}` });
  };

  it('tries, applies and applies again from a file, and its policy is closed to people until they take it over', async () => {
    const pipeline = await asProgram('deploy');
    const managedBy = { name: 'net-policies', revision: 'a1b2c3' };
    const body = { tenantId: acme.tenantId, target: { level: 'tenant' }, document: yaml('gitops'), managedBy };
    expect(await pipeline.call(routes.checkPolicy, { body })).toMatchObject({
      problems: [],
      would: 'create',
      changes: ['name: nothing → gitops', 'timeouts.icmp: nothing → 10s'],
    });
    expect(await named(owner)).toEqual([]);
    const { id } = await pipeline.call(routes.createPolicy, { body });

    // The same file at another commit: the revision stays, and says by which.
    const next = { name: 'net-policies', revision: 'd4e5f6' };
    expect(await pipeline.call(routes.checkPolicy, { body: { ...body, managedBy: next } })).toMatchObject({
      would: 'nothing',
      existing: { id, revision: 1 },
    });
    const same = { revision: 1, document: yaml('gitops'), managedBy: next };
    expect(await pipeline.call(routes.updatePolicy, { params: { id }, body: same })).toMatchObject({ revision: 1, managedBy: next });
    const other = { ...same, document: yaml('gitops', '{ timeouts: { icmp: 12s } }'), managedBy: { ...next, revision: '777' } };
    expect(await pipeline.call(routes.updatePolicy, { params: { id }, body: other })).toMatchObject({
      revision: 2,
      managedBy: { revision: '777' },
    });

    const refusal = {
      status: 409,
      body: {
        code: 'POLICY_MANAGED',
        detail:
          'The pipeline net-policies applies this policy from a file, now at its revision 777. Change that file, or take the policy ' +
          'over from the pipeline first.',
      },
    };
    const change = { revision: 2, document: yaml('gitops', '{}') };
    expect(await acmeAdmin.ask(routes.updatePolicy, { params: { id }, body: change })).toMatchObject(refusal);
    expect(await acmeAdmin.ask(routes.deletePolicy, { params: { id } })).toMatchObject(refusal);
    const stranger = { ...change, managedBy: { name: 'another', revision: '1' } };
    expect(await pipeline.ask(routes.updatePolicy, { params: { id }, body: stranger })).toMatchObject(refusal);
    expect((await pipeline.call(routes.checkPolicy, { body: { ...body, managedBy: stranger.managedBy } })).refusal).toBe(
      refusal.body.detail,
    );

    expect(await acmeAdmin.call(routes.updatePolicy, { params: { id }, body: { revision: 2, managedBy: null } })).toMatchObject({
      revision: 3,
    });
    const taken = await acmeAdmin.call(routes.updatePolicy, { params: { id }, body: { ...change, revision: 3 } });
    expect(taken).toMatchObject({ revision: 4 });
    expect(taken.managedBy).toBeUndefined();
    const { items } = await owner.call(routes.listPolicyRevisions, { params: { id } });
    expect(items.map((one) => one.managedBy?.revision)).toEqual([undefined, undefined, '777', 'a1b2c3']);
    const [, release] = (await owner.call(routes.listAudit, { query: { action: 'policy.changed', q: 'gitops' } })).items;
    expect(release!.summary).toBe('acme changed the policy gitops: pipeline: net-policies → none');
  });

  it('is a program: a person who is signed in cannot pass for one', async () => {
    const managedBy = { name: 'net-policies', revision: '1' };
    const body = { tenantId: acme.tenantId, target: { level: 'tenant' }, document: yaml('x'), managedBy };
    expect(await owner.ask(routes.createPolicy, { body })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect((await owner.call(routes.checkPolicy, { body })).refusal).toContain('service account');
  });
});
