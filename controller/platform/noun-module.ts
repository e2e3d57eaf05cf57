import type { DynamicModule, Provider, Type } from '@nestjs/common';
import type { Config } from './config.ts';

export type Roles = Config['roles'];
/** A noun's module in a process with these roles; the same object for the same roles, so that each module exists once. */
export type NounModule = (roles: Roles) => DynamicModule;

/** The parts of a noun. Only its exports are visible to other nouns, and only to those that use it. */
export interface NounParts {
  /** The nouns whose exports it needs. */
  uses?: NounModule[];
  providers?: Provider[];
  exports?: NonNullable<DynamicModule['exports']>;
  /** HTTP handlers, in processes with the role `api`. */
  controllers?: Type[];
  /** What registers on the agents' link, or listens to it, in processes with the role `link`. */
  link?: Provider[];
  /** What registers on the queue, in processes with the role `work`. */
  work?: Provider[];
}

/** The module of a noun; its parts depend on the roles of the process. */
export function nounModule(
  module: Type,
  { uses = [], providers = [], exports = [], controllers = [], link = [], work = [] }: NounParts,
): NounModule {
  const made = new WeakMap<Roles, DynamicModule>();
  return (roles) => {
    const known = made.get(roles);
    if (known) return known;
    const noun: DynamicModule = {
      module,
      imports: uses.map((use) => use(roles)),
      controllers: roles.includes('api') ? controllers : [],
      providers: [...providers, ...(roles.includes('link') ? link : []), ...(roles.includes('work') ? work : [])],
      exports,
    };
    made.set(roles, noun);
    return noun;
  };
}
