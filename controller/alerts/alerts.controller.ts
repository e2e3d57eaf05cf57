import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { acknowledgeAlert, assignAlert, getAlert, listAlerts, noteAlert, silenceAlert, type Alert } from '../../proto/http/alerts.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { AlertsService } from './alerts.service.ts';

@Controller()
export class AlertsController {
  constructor(@Inject(AlertsService) private readonly alerts: AlertsService) {}

  @Handles(listAlerts)
  list(@Called() { scope, query }: Call<typeof listAlerts>): Promise<z.output<typeof listAlerts.response>> {
    return this.alerts.list(scope, query);
  }

  @Handles(getAlert)
  get(@Called() { scope, params }: Call<typeof getAlert>): Promise<z.output<typeof getAlert.response>> {
    return this.alerts.get(scope, params.id);
  }

  @Handles(acknowledgeAlert)
  acknowledge(@Called() { caller, scope, params, body }: Call<typeof acknowledgeAlert>): Promise<Alert> {
    return this.alerts.acknowledge(caller, scope, params.id, body.note);
  }

  @Handles(assignAlert)
  assign(@Called() { caller, scope, params, body }: Call<typeof assignAlert>): Promise<Alert> {
    return this.alerts.assign(caller, scope, params.id, body);
  }

  @Handles(noteAlert)
  note(@Called() { caller, scope, params, body }: Call<typeof noteAlert>): Promise<Alert> {
    return this.alerts.note(caller, scope, params.id, body.note);
  }

  @Handles(silenceAlert)
  silence(@Called() { caller, scope, params, body }: Call<typeof silenceAlert>): Promise<Alert> {
    return this.alerts.silence(caller, scope, params.id, body);
  }
}
