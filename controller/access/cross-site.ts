/** The headers by which a browser says from where a request comes. */
export interface SiteHeaders {
  origin?: string;
  secFetchSite?: string;
}

/**
 * True if a request that changes something and carries a cookie may come from where it says it does: our own origin, or a caller that
 * is no browser page (neither header). `same-site` is refused: a neighbour subdomain is another party.
 */
export function isOwnSite(headers: SiteHeaders, publicOrigin: string): boolean {
  if (headers.origin !== undefined && headers.origin !== publicOrigin) return false;
  return headers.secFetchSite === undefined || headers.secFetchSite === 'same-origin' || headers.secFetchSite === 'none';
}
