/** A queue and the jobs on it, declared by its noun (`*.jobs.ts`). What a job holds are ids and nothing else: Postgres is the truth. */
export class JobQueue<Jobs extends object> {
  /** What each job holds; for the compiler alone. */
  declare readonly jobs: Jobs;

  constructor(readonly name: `ctfleet-${string}`) {}
}

export type JobName<Jobs extends object> = keyof Jobs & string;
