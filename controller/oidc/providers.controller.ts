import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { createProvider, listProviders, removeProvider, testProvider, updateProvider } from '../../proto/http/providers.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { ProvidersService } from './providers.service.ts';

@Controller()
export class ProvidersController {
  constructor(@Inject(ProvidersService) private readonly providers: ProvidersService) {}

  @Handles(listProviders)
  list(@Called() { scope }: Call<typeof listProviders>): Promise<z.output<typeof listProviders.response>> {
    return this.providers.list(scope);
  }

  @Handles(createProvider)
  create(@Called() { caller, scope, body }: Call<typeof createProvider>): Promise<z.output<typeof createProvider.response>> {
    return this.providers.create(caller, scope, body);
  }

  @Handles(updateProvider)
  update(@Called() { caller, scope, params, body }: Call<typeof updateProvider>): Promise<z.output<typeof updateProvider.response>> {
    return this.providers.update(caller, scope, params.id, body);
  }

  @Handles(testProvider)
  test(@Called() { caller, scope, params }: Call<typeof testProvider>): Promise<z.output<typeof testProvider.response>> {
    return this.providers.test(caller, scope, params.id);
  }

  @Handles(removeProvider)
  remove(@Called() { caller, scope, params }: Call<typeof removeProvider>): Promise<void> {
    return this.providers.remove(caller, scope, params.id);
  }
}
