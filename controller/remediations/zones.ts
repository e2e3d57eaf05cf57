/** A site and its time zone. */
export interface SiteZone {
  id: string;
  name: string;
  timeZone: string;
}

/** The zones of a schedule: one, or for `site` each zone among the sites, by name, with its sites. */
export function zonesOf(timeZone: string, sites: SiteZone[]): { timeZone: string; sites: SiteZone[] }[] {
  if (timeZone !== 'site') return [{ timeZone, sites }];
  return [...Map.groupBy(sites, (site) => site.timeZone)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([zone, own]) => ({ timeZone: zone, sites: own }));
}
