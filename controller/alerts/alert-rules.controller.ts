import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import {
  checkAlertRules,
  createAlertRules,
  createMaintenanceWindow,
  deleteAlertRules,
  deleteMaintenanceWindow,
  getAlertRules,
  getGatewayAlertRules,
  listAlertRules,
  listMaintenanceWindows,
  updateAlertRules,
  type AlertRules,
  type MaintenanceWindow,
} from '../../proto/http/alert-rules.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { AlertRulesService } from './alert-rules.service.ts';
import { MaintenanceWindowsService } from './maintenance-windows.service.ts';
import { AlertRulesPreview } from './preview.service.ts';

@Controller()
export class AlertRulesController {
  constructor(
    @Inject(AlertRulesService) private readonly rules: AlertRulesService,
    @Inject(AlertRulesPreview) private readonly preview: AlertRulesPreview,
    @Inject(MaintenanceWindowsService) private readonly windows: MaintenanceWindowsService,
  ) {}

  @Handles(listAlertRules)
  list(@Called() { scope, query }: Call<typeof listAlertRules>): Promise<z.output<typeof listAlertRules.response>> {
    return this.rules.list(scope, query);
  }

  @Handles(createAlertRules)
  create(@Called() { caller, scope, body }: Call<typeof createAlertRules>): Promise<AlertRules> {
    return this.rules.create(caller, scope, body);
  }

  @Handles(getAlertRules)
  get(@Called() { scope, params }: Call<typeof getAlertRules>): Promise<AlertRules> {
    return this.rules.get(scope, params.id);
  }

  @Handles(updateAlertRules)
  update(@Called() { caller, scope, params, body }: Call<typeof updateAlertRules>): Promise<AlertRules> {
    return this.rules.update(caller, scope, params.id, body);
  }

  @Handles(deleteAlertRules)
  remove(@Called() { caller, scope, params }: Call<typeof deleteAlertRules>): Promise<void> {
    return this.rules.remove(caller, scope, params.id);
  }

  @Handles(checkAlertRules)
  check(@Called() { scope, body }: Call<typeof checkAlertRules>): Promise<z.output<typeof checkAlertRules.response>> {
    return this.preview.check(scope, body);
  }

  @Handles(getGatewayAlertRules)
  effective(@Called() { scope, params }: Call<typeof getGatewayAlertRules>): Promise<z.output<typeof getGatewayAlertRules.response>> {
    return this.rules.effective(scope, params.id);
  }

  @Handles(listMaintenanceWindows)
  listWindows(@Called() { scope, query }: Call<typeof listMaintenanceWindows>): Promise<z.output<typeof listMaintenanceWindows.response>> {
    return this.windows.list(scope, query);
  }

  @Handles(createMaintenanceWindow)
  createWindow(@Called() { caller, scope, body }: Call<typeof createMaintenanceWindow>): Promise<MaintenanceWindow> {
    return this.windows.create(caller, scope, body);
  }

  @Handles(deleteMaintenanceWindow)
  removeWindow(@Called() { caller, scope, params }: Call<typeof deleteMaintenanceWindow>): Promise<void> {
    return this.windows.remove(caller, scope, params.id);
  }
}
