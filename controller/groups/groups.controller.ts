import { Controller, Inject } from '@nestjs/common';
import type { z } from 'zod';
import { createGroup, getGroup, listGroups, removeGroup, updateGroup, type groupWithMembers } from '../../proto/http/groups.ts';
import { Called, Handles, type Call } from '../platform/route-decorators.ts';
import { GroupsService } from './groups.service.ts';

type Group = z.output<typeof groupWithMembers>;

@Controller()
export class GroupsController {
  constructor(@Inject(GroupsService) private readonly groups: GroupsService) {}

  @Handles(listGroups)
  list(@Called() { scope, query }: Call<typeof listGroups>): Promise<z.output<typeof listGroups.response>> {
    return this.groups.list(scope, query);
  }

  @Handles(getGroup)
  get(@Called() { scope, params }: Call<typeof getGroup>): Promise<Group> {
    return this.groups.get(scope, params.id);
  }

  @Handles(createGroup)
  create(@Called() { caller, scope, body }: Call<typeof createGroup>): Promise<Group> {
    return this.groups.create(caller, scope, body);
  }

  @Handles(updateGroup)
  update(@Called() { caller, scope, params, body }: Call<typeof updateGroup>): Promise<Group> {
    return this.groups.update(caller, scope, params.id, body);
  }

  @Handles(removeGroup)
  remove(@Called() { caller, scope, params }: Call<typeof removeGroup>): Promise<void> {
    return this.groups.remove(caller, scope, params.id);
  }
}
