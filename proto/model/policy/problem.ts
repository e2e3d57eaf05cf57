export type { DocumentProblem as PolicyProblem } from '../yaml/problem.ts';
