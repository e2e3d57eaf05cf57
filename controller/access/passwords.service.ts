import { Inject, Injectable } from '@nestjs/common';
import { BREACHED_PASSWORDS, type BreachedPasswords } from '../platform/breached-passwords.ts';
import { passwordProblem } from './password.ts';

/** Whether a password may be set, wherever that is: by a link, by a change, at the command line. */
@Injectable()
export class PasswordsService {
  constructor(@Inject(BREACHED_PASSWORDS) private readonly breached: BreachedPasswords | undefined) {}

  /** Why it is not acceptable for a person, about whom these words are; undefined if it is. Throws UNAVAILABLE. */
  async problem(password: string, about: readonly string[]): Promise<string | undefined> {
    const problem = passwordProblem(password, about);
    if (problem !== undefined) return problem;
    return (await this.breached?.has(password)) === true
      ? 'is known from a breach elsewhere: whoever guesses passwords tries it. Use another, here and wherever else you use it'
      : undefined;
  }
}
