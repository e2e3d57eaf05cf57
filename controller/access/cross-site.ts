/** The headers in which a browser reports where a request comes from. */
export interface SiteHeaders {
  origin?: string;
  secFetchSite?: string;
}

/**
 * True if a request that changes something and carries a cookie may come from where it claims: our own origin, or a caller that is not a
 * browser page (neither header). `same-site` is refused: a neighbouring subdomain is another party.
 */
export function isOwnSite(headers: SiteHeaders, publicOrigin: string): boolean {
  if (headers.origin !== undefined && headers.origin !== publicOrigin) return false;
  return headers.secFetchSite === undefined || headers.secFetchSite === 'same-origin' || headers.secFetchSite === 'none';
}
