import type { z } from 'zod';
import type { groupWithMembers } from '../../proto/http/groups.ts';
import type { person } from '../../proto/http/people.ts';
import { routes } from '../../proto/http/routes.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Ask } from './fixture-api.ts';
import { id } from './fixture-fleet.ts';

type Group = z.output<typeof groupWithMembers>;
type Person = z.output<typeof person>;

/** Groups: one that is there, and those that a test makes. What they give is shown with the people. */
export class FixtureGroups {
  readonly items: Group[] = [];
  readonly #people: Person[];
  readonly #madeAt: string;

  constructor(nowMs: number, people: Person[]) {
    this.#people = people;
    this.#madeAt = new Date(nowMs).toISOString();
    this.#add('Night shift', [{ role: 'approver', tenantId: id(1, 2) }], [people[2]!.id]);
  }

  answers(page: (items: never[], query: Record<string, unknown>) => unknown) {
    return {
      listGroups: ({ query }: Ask) => page(this.items as never[], query),
      getGroup: ({ params }: Ask) => this.#find(params.id),
      createGroup: ({ body }: Ask) => {
        const { name, grants, members } = routes.createGroup.body.parse(body);
        return this.#add(name, grants, members);
      },
      updateGroup: ({ params, body }: Ask) => {
        const { revision, members, ...own } = routes.updateGroup.body.parse(body);
        const group = this.#find(params.id);
        if (revision !== group.revision) throw new FleetError('ALREADY_EXISTS', 'This group has been changed since. Review it again.');
        Object.assign(group, own, { revision: revision + 1 }, members && this.#membersOf(members));
        this.#give();
        return group;
      },
      removeGroup: ({ params }: Ask) => {
        this.items.splice(this.items.indexOf(this.#find(params.id)), 1);
        this.#give();
      },
    };
  }

  #add(name: string, grants: Group['grants'], members: string[]): Group {
    const made = { id: id(9, 600 + this.items.length), name, grants, revision: 1, createdAt: this.#madeAt, ...this.#membersOf(members) };
    this.items.push(made);
    this.#give();
    return made;
  }

  #membersOf(ids: string[]): Pick<Group, 'members' | 'memberCount'> {
    return { members: this.#people.filter((one) => ids.includes(one.id)), memberCount: ids.length };
  }

  #give(): void {
    for (const one of this.#people)
      one.groupGrants = this.items
        .filter(({ members }) => members.some((member) => member.id === one.id))
        .flatMap(({ id: groupId, name, grants }) => grants.map((grant) => ({ ...grant, group: { id: groupId, name } })));
  }

  #find(wanted: string | undefined): Group {
    const found = this.items.find((one) => one.id === wanted);
    if (!found) throw new FleetError('NOT_FOUND', 'There is no such group.');
    return found;
  }
}
