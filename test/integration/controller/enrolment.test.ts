import { credentials } from '@grpc/grpc-js';
import { createHash, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LinkClient } from '../../../proto/gen/ctfleet/v1/link.ts';
import { certificatesIn } from '../../../controller/identity/issuers.ts';
import { LinkService } from '../../../controller/link/link.service.ts';
import { routes } from '../../../proto/http/routes.ts';
import { enrol, FakeAgent } from '../../support/controller-fake-agent.ts';
import { eventually, makePlace, startWithOwner, TestController, type Person } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let ca: string;
let aheadMs = 0;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner({}, { clock: () => Date.now() + aheadMs }));
  ca = controller.root;
});
afterEach(() => postgres.query(url, 'DELETE FROM rate_limit'));
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

describe('a join token', () => {
  it('is good for one gateway: of fifty concurrent agents one gets in, and the refusals are counted in one entry', async () => {
    const place = await makePlace(owner, 'Fifty', 'gw1');
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => enrol(controller.enrolAddress, ca, place.joinToken)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    const codes = results.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as { metadata: { get(key: string): string[] } }).metadata.get('ctfleet-code')[0]] : [],
    );
    expect(codes.filter((code) => code !== 'JOIN_TOKEN_REFUSED' && code !== 'RATE_LIMITED')).toEqual([]);
    const gateways = await eventually('it is in the list', async () => {
      const list = await owner.call(routes.listGateways, { query: { tenant: place.tenantId } });
      return list.total > 0 ? list : undefined;
    });
    expect(gateways.items.map((gateway) => [gateway.name, gateway.state])).toEqual([['gw1', 'never-connected']]);
    const audit = await owner.call(routes.listAudit, { query: { tenant: place.tenantId, limit: '200' } });
    expect(audit.items.filter((entry) => entry.action === 'enrolment.ok')).toHaveLength(1);
    expect(audit.items.filter((entry) => entry.action === 'enrolment.refused')).toMatchObject([{ detail: { why: 'used' } }]);
    const tokens = await owner.call(routes.listEnrolmentTokens);
    expect(tokens.items.find((token) => token.id === place.tokenId)).toMatchObject({ state: 'used', gatewayId: gateways.items[0]!.id });
  });

  it('pins the authority whose certificate the listener presents, and its secret is not stored in the database', async () => {
    const { joinToken } = await makePlace(owner, 'Pin', 'gw1');
    const [, , secret, pin] = joinToken.split('.');
    const spki = new X509Certificate(ca).publicKey.export({ type: 'spki', format: 'der' });
    expect(pin).toBe(createHash('sha256').update(spki).digest('base64url'));
    const rows = await postgres.query<{ row: string }>(url, 'SELECT enrolment_token::text AS row FROM enrolment_token');
    expect(rows.map((row) => row.row).join()).not.toContain(secret);
    expect(statSync(path.join(controller.stateDir, 'authority.key')).mode & 0o077).toBe(0);
    expect(statSync(controller.stateDir).mode & 0o077).toBe(0);
  });

  it('is refused if expired, revoked or altered', async () => {
    const expired = await makePlace(owner, 'Expired', 'gw1');
    aheadMs = 31 * 60_000;
    await expect(enrol(controller.enrolAddress, ca, expired.joinToken)).rejects.toMatchObject({ code: 7 });
    // TLS uses the real clock, so certificates from the future would not do.
    aheadMs = 0;
    const revoked = await makePlace(owner, 'Revoked', 'gw1');
    await owner.call(routes.revokeEnrolmentToken, { params: { id: revoked.tokenId } });
    await expect(enrol(controller.enrolAddress, ca, revoked.joinToken)).rejects.toMatchObject({ code: 7 });
    const altered = (await makePlace(owner, 'Altered', 'gw1')).joinToken.split('.');
    altered[2] = 'A'.repeat(43);
    await expect(enrol(controller.enrolAddress, ca, altered.join('.'))).rejects.toMatchObject({ code: 7 });
  });

  it('yields a certificate whose names we choose: those in the request are ignored', async () => {
    const { joinToken, tenantId } = await makePlace(owner, 'Names', 'gw1');
    const { response } = await enrol(controller.enrolAddress, ca, joinToken);
    const certificate = new X509Certificate(response.certificatePem);
    expect(certificate.subject).toBe(`CN=${response.gatewayId}\nserialNumber=1`);
    expect(certificate.subjectAltName).toBe(`URI:spiffe://ctfleet/tenant/${tenantId}/gateway/${response.gatewayId}`);
    const intermediate = new X509Certificate(certificatesIn(response.certificatePem.toString())[1]!);
    expect([certificate.verify(intermediate.publicKey), intermediate.verify(new X509Certificate(ca).publicKey)]).toEqual([true, true]);
    expect(certificate.ca).toBe(false);
    expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    expect(Date.parse(certificate.validTo) - Date.now()).toBeLessThan(7.1 * 86_400_000);
  });
});

describe('the link', () => {
  it('is closed to clients without a certificate or with a certificate from another authority', async () => {
    const other = await TestController.start({ CTFLEET_DATABASE_URL: await postgres.newDatabase() });
    const otherOwner = await other.person('owner', [{ role: 'owner', tenantId: null }]);
    const stranger = await enrol(other.enrolAddress, other.root, (await makePlace(otherOwner, 'Else', 'gw1')).joinToken);
    await other.stop();
    await expect(new FakeAgent({ ...stranger, ca }).connect(controller.linkAddress)).rejects.toThrow(/UNAVAILABLE/);
    const client = new LinkClient(controller.linkAddress, credentials.createSsl(Buffer.from(ca)), {
      'grpc.ssl_target_name_override': 'controller.ctfleet',
    });
    await expect(new Promise((_, reject) => client.session().on('error', reject))).rejects.toThrow(/UNAVAILABLE/);
    client.close();
  });

  it('gives each session a higher epoch and ends the older one', async () => {
    const { joinToken } = await makePlace(owner, 'Epochs', 'gw1');
    const identity = await enrol(controller.enrolAddress, ca, joinToken);
    const [first, second] = [new FakeAgent(identity), new FakeAgent(identity)];
    await first.connect(controller.linkAddress);
    await second.connect(controller.linkAddress);
    expect(second.epoch).toBe(first.epoch + 1n);
    expect(await first.ended).toContain('10 ABORTED');
    expect((await owner.call(routes.getGateway, { params: { id: first.gatewayId } })).state).toBe('online');
    second.disconnect();
  });

  it('is cut at once when the gateway is revoked, and does not open again', async () => {
    const { joinToken } = await makePlace(owner, 'Cut', 'gw1');
    const agent = new FakeAgent(await enrol(controller.enrolAddress, ca, joinToken));
    await agent.connect(controller.linkAddress);
    const revokedAt = performance.now();
    await owner.call(routes.revokeGateway, { params: { id: agent.gatewayId } });
    await agent.ended;
    expect(performance.now() - revokedAt).toBeLessThan(5000);
    await expect(agent.connect(controller.linkAddress)).rejects.toMatchObject({ code: 16 });
    agent.disconnect();
  });

  it('does not outlive its certificate', async () => {
    const { joinToken } = await makePlace(owner, 'Short-lived', 'gw1');
    const agent = new FakeAgent(await enrol(controller.enrolAddress, ca, joinToken));
    await agent.connect(controller.linkAddress);
    aheadMs = 8 * 86_400_000;
    await controller.running.app.get(LinkService).checkLiveness();
    expect(await agent.ended).toContain('certificate has expired');
    aheadMs = 0;
    agent.disconnect();
  });

  it('begins with a hello, and with nothing else', async () => {
    const { joinToken } = await makePlace(owner, 'Rude', 'gw1');
    const agent = new FakeAgent(await enrol(controller.enrolAddress, ca, joinToken));
    await expect(agent.connect(controller.linkAddress, { protocolVersion: 99 })).rejects.toMatchObject({ code: 3 });
    agent.disconnect();
  });

  it('accepts an answer only from the gateway that was asked', async () => {
    const [asked, other] = await Promise.all(
      ['Asked', 'Liar'].map(
        async (name) => new FakeAgent(await enrol(controller.enrolAddress, ca, (await makePlace(owner, name, 'gw1')).joinToken)),
      ),
    );
    await asked!.connect(controller.linkAddress);
    await other!.connect(controller.linkAddress);
    const stolen: string[] = [];
    asked!.onQuery = (query) => {
      stolen.push(query.id);
      return undefined;
    };
    const answer = owner.call(routes.searchFlows, { body: { filter: '', scope: { gateways: [asked!.gatewayId] } } });
    await eventually('the query arrives', async () => stolen[0]);
    const { identity } = other!;
    const client = new LinkClient(
      controller.linkAddress,
      credentials.createSsl(Buffer.from(ca), Buffer.from(identity.key), identity.response.certificatePem),
      { 'grpc.ssl_target_name_override': 'controller.ctfleet' },
    );
    const receipt = await new Promise<{ isWanted: boolean }>((resolve, reject) => {
      const call = client.answer((error, value) => (error ? reject(error) : resolve(value)));
      call.write({ queryId: stolen[0]!, part: { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } } });
      call.end();
    });
    expect(receipt.isWanted).toBe(false);
    expect((await answer).gateways).toMatchObject([{ id: asked!.gatewayId, state: 'slow' }]);
    client.close();
    asked!.disconnect();
    other!.disconnect();
    await eventually('both are offline', async () =>
      (await owner.call(routes.getGateway, { params: { id: other!.gatewayId } })).state === 'offline' ? true : undefined,
    );
  });
});
