import { compareSortKeys, type SortField, type SortKey } from '../../proto/model/sort.ts';

/** `gateway` orders by the gateway's name, then by id. */
export interface MergeOrder {
  field: 'gateway' | SortField;
  descending: boolean;
}

/** A row's place in the order of all gateways: by value, then by the gateway's name and id, then by the flow's id. */
export interface Place {
  value: SortKey['value'];
  gatewayName: string;
  gatewayId: string;
  flowId: number;
}

export interface NamedGateway {
  id: string;
  name: string;
}

/** After which key a gateway's rows continue; with all rows of that value too, or, where it has been shown whole, with none. */
export type After = (SortKey & { withValue?: true }) | 'its-end' | undefined;

const MAX_ID = 0xffff_ffff;

/** The field that agents sort by. */
export function agentField({ field }: MergeOrder): SortField {
  return field === 'gateway' ? 'id' : field;
}

/** Gateways in the order in which their rows of equal value come. */
export function compareGateways(a: NamedGateway, b: NamedGateway, { field, descending }: MergeOrder): number {
  const order = compareTexts(a.name, b.name) || compareTexts(a.id, b.id);
  return field === 'gateway' && descending ? -order : order;
}

/** Descending by gateway reverses the gateways, not the rows of one. */
export function compareKeys(a: SortKey, b: SortKey, { field, descending }: MergeOrder): number {
  return compareSortKeys(a, b, field !== 'gateway' && descending);
}

/** Where a gateway continues after the last row of a page, wherever that row came from. */
export function afterPlace(gateway: NamedGateway, place: Place | undefined, order: MergeOrder): After {
  if (!place) return undefined;
  const { value, flowId } = place;
  if (gateway.id === place.gatewayId) return { value, id: flowId };
  const isBefore = compareGateways(gateway, { id: place.gatewayId, name: place.gatewayName }, order) < 0;
  if (order.field === 'gateway') return isBefore ? 'its-end' : undefined;
  return isBefore ? { value, id: MAX_ID } : { value, id: 0, withValue: true };
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
