import { ChangeStage, BUSY } from './policy-changing.ts';
import type { Touch } from '../../agent/firewall/rules/table-touches.ts';
import type { DriftBook } from '../../agent/policies/standing/drift-book.ts';
import { StandingPolicy } from '../../agent/policies/standing/standing-policy.ts';
import type { PolicyMatch } from '../../proto/model/policy/document.ts';

type Told = [path: string, wanted: string | undefined, actual: string | undefined];

/** A gateway in memory that is held to a policy, and somebody who changes it by hand. */
export class StandingStage extends ChangeStage {
  standing = this.#newStanding();
  readonly warned: string[] = [];
  spared: PolicyMatch[] | undefined = [{ proto: 'tcp', dst: ['10.0.0.1'], dport: [{ from: 22, to: 22 }] }];
  #onDisk: DriftBook | undefined;
  #touches: Touch[] = [];
  #heard = 0;

  /** An agent that starts. */
  async restart(): Promise<void> {
    this.standing = this.#newStanding();
    await this.standing.start();
  }

  async look(): Promise<void> {
    await this.standing.look();
  }

  /** Resolves with all that a policy can change, as this one has it. */
  async confirmed(policy = BUSY): Promise<unknown> {
    await this.changes.apply(policy, 60_000);
    await this.changes.confirm({ openedAtBootMs: this.clock.ms });
    this.deeds.length = 0;
    return this.state();
  }

  /** An agent before this one has confirmed the policy, and made the same rules otherwise. */
  async confirmedByOlder(): Promise<unknown> {
    const wanted = await this.confirmed();
    const { layout: _, ...record } = this.folder.confirmed()!;
    this.folder.begin(record);
    this.folder.verified({ ...record, verifiedAtBootMs: this.clock.ms });
    this.folder.confirm();
    const [first] = this.kernel.own!.chains.filter(({ base }) => base?.hook === 'input');
    first!.rules.unshift({ tests: [], acts: [{ do: 'accept' }] });
    return wanted;
  }

  /** Somebody changes our table. Pid 1 is ourselves. */
  touch(pid: number, name = 'nft'): void {
    this.#touches.push({ at: ++this.#heard, pid, name });
  }

  /** Somebody removes a rule of the policy from all chains. */
  removeRule(name: string): void {
    for (const chain of this.kernel.own!.chains) chain.rules = chain.rules.filter(({ comment }) => !comment?.endsWith(` ${name}`));
  }

  get id(): string {
    return this.folder.confirmed()!.id;
  }

  open(): Told[] {
    return this.standing.drift()!.open.map(({ path, wanted, actual }) => [path, wanted, actual]);
  }

  past(): Told[] {
    return this.standing.drift()!.past.map(({ path, wanted, actual }) => [path, wanted, actual]);
  }

  #newStanding(): StandingPolicy {
    return new StandingPolicy({
      changes: this.changes,
      folder: this.folder,
      kernel: this.kernel,
      clock: this.clock,
      spared: async () => this.spared,
      book: { load: () => this.#onDisk, keep: (book) => void (this.#onDisk = structuredClone(book)) },
      hearChangers: () => ({
        mark: () => this.#heard,
        forget: (upTo) => void (this.#touches = this.#touches.filter(({ at }) => at > upTo)),
        touches: () => this.#touches.toReversed(),
      }),
      isOwn: (pid) => pid === 1,
      now: () => this.clock.wallMs,
      namespace: () => this.namespace,
      warn: (message) => this.warned.push(message),
    });
  }
}
