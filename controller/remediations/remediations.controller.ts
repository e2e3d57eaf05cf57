import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import {
  approveRemediation,
  checkRemediation,
  createRemediation,
  deleteRemediation,
  getRemediation,
  getRemediationRun,
  listBuiltInRemediations,
  listRemediationRunFlows,
  listRemediationRuns,
  listRemediations,
  runRemediation,
  updateRemediation,
} from '../../proto/http/remediations.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { runsOnGateway } from '../../proto/http/remediation-document.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { ControllerRunsService } from './controller-runs.service.ts';
import { ForecastService } from './forecast.service.ts';
import { LIBRARY } from './library.ts';
import { RemediationApprovalsService } from './remediation-approvals.service.ts';
import { RemediationsService } from './remediations.service.ts';
import { RunsService } from './runs.service.ts';

@Controller()
export class RemediationsController {
  constructor(
    @Inject(RemediationsService) private readonly remediations: RemediationsService,
    @Inject(RemediationApprovalsService) private readonly approvals: RemediationApprovalsService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(ControllerRunsService) private readonly controllerRuns: ControllerRunsService,
    @Inject(ForecastService) private readonly forecast: ForecastService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Handles(listRemediations)
  list(@Called() { scope, query }: Call<typeof listRemediations>): Promise<z.output<typeof listRemediations.response>> {
    return this.remediations.list(scope, query);
  }

  @Handles(listBuiltInRemediations)
  listBuiltIn(): z.output<typeof listBuiltInRemediations.response> {
    return { items: [...LIBRARY] };
  }

  @Handles(getRemediation)
  get(@Called() { scope, params }: Call<typeof getRemediation>): Promise<z.output<typeof getRemediation.response>> {
    return this.remediations.get(scope, params.id);
  }

  @Handles(createRemediation)
  create(@Called() { caller, scope, body }: Call<typeof createRemediation>): Promise<z.output<typeof createRemediation.response>> {
    return this.remediations.create(caller, scope, body);
  }

  @Handles(updateRemediation)
  update(@Called() { caller, scope, params, body }: Call<typeof updateRemediation>): Promise<z.output<typeof updateRemediation.response>> {
    return this.remediations.update(caller, scope, params.id, body);
  }

  @Handles(approveRemediation)
  async approve(
    @Called() { caller, scope, params, body }: Call<typeof approveRemediation>,
  ): Promise<z.output<typeof approveRemediation.response>> {
    await this.approvals.approve(caller, scope, params.id, body.revision);
    return this.remediations.get(scope, params.id);
  }

  @Handles(deleteRemediation)
  remove(@Called() { caller, scope, params }: Call<typeof deleteRemediation>): Promise<void> {
    return this.remediations.remove(caller, scope, params.id);
  }

  @Handles(checkRemediation)
  async check(@Called() { scope, body, signal }: Call<typeof checkRemediation>): Promise<z.output<typeof checkRemediation.response>> {
    const checked = await this.remediations.check(scope, body);
    if (checked.problems.length > 0) return { ...checked, wouldHaveFired: [] };
    return { ...checked, ...(await this.forecast.of(scope, body, signal)) };
  }

  /** Remediations of gateways run on their own when the gateway sees the trigger; they cannot be run by hand. */
  @Handles(runRemediation)
  async run(@Called() { caller, scope, params }: Call<typeof runRemediation>): Promise<z.output<typeof runRemediation.response>> {
    const row = await this.remediations.row(scope, params.id);
    if (runsOnGateway(row.document))
      throw new FleetError(
        'INVALID_REQUEST',
        `This remediation runs on the gateways, on the trigger ${row.document.trigger.kind}. Create a plan with its filter to act now.`,
      );
    if (!row.isEnabled) throw new FleetError('INVALID_REQUEST', 'This remediation is switched off. Switch it on first.');
    return { runId: await this.controllerRuns.begin(row, { trigger: `by hand, ${caller.name}`, triggeredAtMs: this.clock() }) };
  }

  @Handles(listRemediationRuns)
  listRuns(@Called() { scope, query }: Call<typeof listRemediationRuns>): Promise<z.output<typeof listRemediationRuns.response>> {
    return this.runs.list(scope, query);
  }

  @Handles(getRemediationRun)
  getRun(@Called() { scope, params }: Call<typeof getRemediationRun>): Promise<z.output<typeof getRemediationRun.response>> {
    return this.runs.get(scope, params.id);
  }

  @Handles(listRemediationRunFlows)
  flows(
    @Called() { scope, params, query }: Call<typeof listRemediationRunFlows>,
  ): Promise<z.output<typeof listRemediationRunFlows.response>> {
    return this.runs.flows(scope, params.id, query);
  }
}
