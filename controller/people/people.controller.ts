import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import {
  createSignInLink,
  invitePerson,
  listPeople,
  removePerson,
  removeSecondFactors,
  resumePerson,
  suspendPerson,
  updatePerson,
} from '../../proto/http/people.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { PeopleService } from './people.service.ts';

@Controller()
export class PeopleController {
  constructor(@Inject(PeopleService) private readonly people: PeopleService) {}

  @Handles(listPeople)
  list(@Called() { scope, query }: Call<typeof listPeople>): Promise<z.output<typeof listPeople.response>> {
    return this.people.list(scope, query);
  }

  @Handles(invitePerson)
  invite(@Called() { caller, scope, body }: Call<typeof invitePerson>): Promise<z.output<typeof invitePerson.response>> {
    return this.people.invite(caller, scope, body);
  }

  @Handles(updatePerson)
  update(@Called() { caller, scope, params, body }: Call<typeof updatePerson>): Promise<z.output<typeof updatePerson.response>> {
    return this.people.update(caller, scope, params.id, body);
  }

  @Handles(suspendPerson)
  suspend(@Called() { caller, scope, params }: Call<typeof suspendPerson>): Promise<z.output<typeof suspendPerson.response>> {
    return this.people.suspend(caller, scope, params.id);
  }

  @Handles(resumePerson)
  resume(@Called() { caller, scope, params }: Call<typeof resumePerson>): Promise<z.output<typeof resumePerson.response>> {
    return this.people.resume(caller, scope, params.id);
  }

  @Handles(createSignInLink)
  makeLink(@Called() { caller, scope, params }: Call<typeof createSignInLink>): Promise<z.output<typeof createSignInLink.response>> {
    return this.people.makeLink(caller, scope, params.id);
  }

  @Handles(removeSecondFactors)
  removeFactors(
    @Called() { caller, scope, params }: Call<typeof removeSecondFactors>,
  ): Promise<z.output<typeof removeSecondFactors.response>> {
    return this.people.removeSecondFactors(caller, scope, params.id);
  }

  @Handles(removePerson)
  remove(@Called() { caller, scope, params }: Call<typeof removePerson>): Promise<void> {
    return this.people.remove(caller, scope, params.id);
  }
}
