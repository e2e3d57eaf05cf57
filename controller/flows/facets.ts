/** How many flows have each value of a field. */
export interface Facet {
  field: string;
  values: { value: string; flows: number }[];
}

const MAX_VALUES = 20;

/** Facets of several gateways together, as they come. */
export class FacetSum {
  readonly #fields = new Map<string, Map<string, number>>();

  add(facets: readonly Facet[]): void {
    this.#count(facets, 1);
  }

  /** Takes back what was added. */
  remove(facets: readonly Facet[]): void {
    this.#count(facets, -1);
  }

  /** The most frequent values come first. */
  facets(): Facet[] {
    return [...this.#fields].map(([field, counts]) => ({
      field,
      values: [...counts]
        .filter(([, flows]) => flows > 0)
        .map(([value, flows]) => ({ value, flows }))
        .sort((a, b) => b.flows - a.flows || (a.value < b.value ? -1 : 1))
        .slice(0, MAX_VALUES),
    }));
  }

  #count(facets: readonly Facet[], sign: 1 | -1): void {
    for (const { field, values } of facets) {
      const counts = this.#fields.get(field) ?? new Map<string, number>();
      this.#fields.set(field, counts);
      for (const { value, flows } of values) counts.set(value, (counts.get(value) ?? 0) + sign * flows);
    }
  }
}
