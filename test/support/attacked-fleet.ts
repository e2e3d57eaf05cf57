import { routes } from '../../proto/http/routes.ts';
import { enrol, FakeAgent, makeFlows, type Enrolled } from './controller-fake-agent.ts';
import { makePlace, startWithOwner, workAlone, type Person, type TestController } from './controller-fleet.ts';
import type { TestDatabases } from './database.ts';

/** A controller on a Postgres of its own, with an owner, for attack stories. Queues are in Postgres. */
export class AttackedFleet {
  readonly postgres: TestDatabases;
  readonly url: string;
  readonly controller: TestController;
  readonly owner: Person;
  /** Added to the controller's clock. */
  static aheadMs = 0;

  private constructor(postgres: TestDatabases, url: string, controller: TestController, owner: Person) {
    [this.postgres, this.url, this.controller, this.owner] = [postgres, url, controller, owner];
  }

  static async start(): Promise<AttackedFleet> {
    AttackedFleet.aheadMs = 0;
    const { postgres, url, controller, owner } = await startWithOwner({}, { clock: () => Date.now() + AttackedFleet.aheadMs });
    return new AttackedFleet(postgres, url, controller, owner);
  }

  /** A new tenant with one enrolled gateway that has not connected yet. */
  async gateway(tenantName: string, gatewayName: string): Promise<Enrolled & { tenantId: string; siteId: string }> {
    const { joinToken, tenantId, siteId } = await makePlace(this.owner, tenantName, gatewayName);
    await workAlone(this.owner);
    return { ...(await this.enrol(joinToken)), tenantId, siteId };
  }

  /** One more gateway at a site. */
  async another(siteId: string, gatewayName: string): Promise<Enrolled> {
    return this.enrol((await this.owner.call(routes.createEnrolmentToken, { body: { siteId, gatewayName } })).token);
  }

  /** An honest agent that is connected and has a few flows. */
  async honest(identity: Enrolled): Promise<FakeAgent> {
    const agent = new FakeAgent(identity);
    agent.flows = makeFlows(5);
    await agent.connect(this.controller.linkAddress);
    return agent;
  }

  /** Audit entries of one action, newest first. */
  async entries(action: string): Promise<{ summary: string; detail: Record<string, unknown> }[]> {
    return (await this.owner.call(routes.listAudit, { query: { action, limit: '500' } })).items;
  }

  async stop(): Promise<void> {
    await this.controller.stop();
    await this.postgres.stop();
  }

  private enrol(token: string): Promise<Enrolled> {
    return enrol(this.controller.enrolAddress, this.controller.root, token);
  }
}
