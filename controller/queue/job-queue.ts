/** A queue and its jobs, declared by a noun (`*.jobs.ts`). Jobs hold ids and nothing else: Postgres is the truth. */
export class JobQueue<Jobs extends object> {
  /** The content of each job; for the compiler only. */
  declare readonly jobs: Jobs;

  constructor(readonly name: `ctfleet-${string}`) {}
}

export type JobName<Jobs extends object> = keyof Jobs & string;
