import type { z } from 'zod';
import type { gatewayAnswer, searchResponse, SearchEvent } from '../../proto/http/flows.ts';
import { whyNot } from '../link/why-not.ts';
import { FacetSum, type Facet } from './facets.ts';
import { toFlowView } from './flow-view.ts';
import type { PageRow, RoundAnswer } from './rounds.ts';

/** What a gateway answers, with what only the first round asks for. */
export interface GatewayFound extends RoundAnswer {
  facets: Facet[];
  snapshotAt?: string;
  explain: string[];
}

type GatewayAnswer = z.output<typeof gatewayAnswer>;
type Left = Pick<GatewayAnswer, 'state' | 'reason'>;
type Progress = Omit<Extract<SearchEvent, { kind: 'progress' }>, 'kind'>;

/** What has come of a search so far, beside its rows: who answered, how many match, and by which values. */
export class Gathered {
  readonly #gateways: ReadonlyMap<string, Omit<GatewayAnswer, 'state'>>;
  readonly #answers = new Map<string, GatewayAnswer>();
  readonly #facetsOf = new Map<string, Facet[]>();
  readonly #facets = new FacetSum();
  #rowsRead = 0;
  #told: string | undefined;
  hasNews = false;

  constructor(gateways: readonly Omit<GatewayAnswer, 'state'>[]) {
    this.#gateways = new Map(gateways.map((gateway) => [gateway.id, gateway]));
  }

  /** Rows came; whether they are right is not known yet. */
  read(rows: number): void {
    this.#rowsRead += rows;
  }

  leaveOut(id: string, left: Left): void {
    this.#answers.set(id, { ...this.#answers.get(id), ...this.#gateways.get(id)!, ...left });
    this.hasNews = true;
  }

  /** The first answer has counts and facets; nothing stays of a gateway that was caught in a lie. */
  heard(id: string, { total, facets, snapshotAt, explain }: GatewayFound, lie: string | undefined): void {
    this.hasNews = true;
    if (lie !== undefined) {
      this.#facets.remove(this.#facetsOf.get(id) ?? []);
      this.#answers.set(id, { ...this.#gateways.get(id)!, state: 'failed', reason: lie });
    } else if (!this.#answers.has(id)) {
      this.#facets.add(facets);
      this.#facetsOf.set(id, facets);
      this.#answers.set(id, { ...this.#gateways.get(id)!, state: 'answered', snapshotAt, total, explain });
    }
  }

  /** Rethrows errors that do not concern one gateway. What it counted stays, where it failed only later. */
  failed(id: string, error: unknown): void {
    this.leaveOut(id, whyNot(error));
  }

  silent(ids: readonly string[], deadlineMs: number): void {
    for (const id of ids)
      this.leaveOut(id, {
        state: 'slow',
        reason: this.#answers.has(id) ? `It did not send all its rows within ${deadlineMs} ms.` : `No answer within ${deadlineMs} ms.`,
      });
  }

  progress(rows: PageRow[]): Progress {
    this.hasNews = false;
    const shown = rows.map(({ gatewayId, flow }) => `${gatewayId} ${flow.id}`).join();
    const isTold = shown === this.#told;
    this.#told = shown;
    const answered = [...this.#answers.values()].filter(({ state }) => state === 'answered').length;
    return {
      asked: this.#gateways.size,
      answered,
      missing: this.#answers.size - answered,
      total: this.#total(),
      facets: this.#facets.facets(),
      ...(!isTold && { rows: rows.map(({ flow, gatewayId }) => toFlowView(flow, gatewayId)) }),
    };
  }

  /** In the order in which gateways were given. */
  answer(rows: PageRow[]): Omit<z.output<typeof searchResponse>, 'filter' | 'cursor'> {
    return {
      rows: rows.map(({ flow, gatewayId }) => toFlowView(flow, gatewayId)),
      total: this.#total(),
      facets: this.#facets.facets(),
      gateways: [...this.#gateways.keys()].flatMap((id) => this.#answers.get(id) ?? []),
      rowsRead: this.#rowsRead,
    };
  }

  #total(): number {
    return [...this.#answers.values()].reduce((total, answer) => total + (answer.total ?? 0), 0);
  }
}
