import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import {
  createReceiver,
  deleteReceiver,
  listDeliveries,
  listReceivers,
  retryDelivery,
  testReceiver,
  updateReceiver,
  type Delivery,
  type Receiver,
} from '../../proto/http/receivers.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { ReceiversService } from './receivers.service.ts';

@Controller()
export class ReceiversController {
  constructor(@Inject(ReceiversService) private readonly receivers: ReceiversService) {}

  @Handles(listReceivers)
  list(@Called() { scope, query }: Call<typeof listReceivers>): Promise<z.output<typeof listReceivers.response>> {
    return this.receivers.list(scope, query);
  }

  @Handles(createReceiver)
  create(@Called() { caller, scope, body }: Call<typeof createReceiver>): Promise<z.output<typeof createReceiver.response>> {
    return this.receivers.create(caller, scope, body);
  }

  @Handles(updateReceiver)
  update(@Called() { caller, scope, params, body }: Call<typeof updateReceiver>): Promise<Receiver> {
    return this.receivers.update(caller, scope, params.id, body);
  }

  @Handles(deleteReceiver)
  remove(@Called() { caller, scope, params }: Call<typeof deleteReceiver>): Promise<void> {
    return this.receivers.remove(caller, scope, params.id);
  }

  @Handles(testReceiver)
  test(@Called() { caller, scope, params }: Call<typeof testReceiver>): Promise<z.output<typeof testReceiver.response>> {
    return this.receivers.test(caller, scope, params.id);
  }

  @Handles(listDeliveries)
  deliveries(@Called() { scope, query }: Call<typeof listDeliveries>): Promise<z.output<typeof listDeliveries.response>> {
    return this.receivers.listDeliveries(scope, query);
  }

  @Handles(retryDelivery)
  retry(@Called() { caller, scope, params }: Call<typeof retryDelivery>): Promise<Delivery> {
    return this.receivers.retry(caller, scope, params.id);
  }
}
