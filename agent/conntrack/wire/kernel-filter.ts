/**
 * What the kernel itself can compare during a walk; all given conditions must hold. Addresses are IPv4 as numbers, and only IPv4: in
 * CTA_FILTER the kernel compares IPv6 addresses the wrong way round (all kernels up to 6.18), so a flush by one source would end every
 * other one. Ports only together with TCP or UDP: for other protocols the kernel skips them and any port matches. Zone 0 cannot be
 * filtered: it means no filter.
 */
export interface KernelFilter {
  family?: 4 | 6;
  proto?: number;
  src?: number;
  dst?: number;
  rsrc?: number;
  rdst?: number;
  sport?: number;
  dport?: number;
  rsport?: number;
  rdport?: number;
  mark?: Masked;
  status?: Masked;
  zone?: number;
}
export interface Masked {
  value: number;
  mask: number;
}
