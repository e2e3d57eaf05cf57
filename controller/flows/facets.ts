/** How many flows have each value of a field. */
export interface Facet {
  field: string;
  values: { value: string; flows: number }[];
}

const MAX_VALUES = 20;

/** Sums facets of several gateways; the most frequent values come first. */
export function mergeFacets(facets: Facet[]): Facet[] {
  const fields = new Map<string, Map<string, number>>();
  for (const { field, values } of facets) {
    const counts = fields.get(field) ?? new Map<string, number>();
    fields.set(field, counts);
    for (const { value, flows } of values) counts.set(value, (counts.get(value) ?? 0) + flows);
  }
  return [...fields].map(([field, counts]) => ({
    field,
    values: [...counts]
      .map(([value, flows]) => ({ value, flows }))
      .sort((a, b) => b.flows - a.flows || (a.value < b.value ? -1 : 1))
      .slice(0, MAX_VALUES),
  }));
}
