/** The demo's sites, in the order gateways are created; further gateways start over with the next number. */
const PLACES = [
  { tenant: 'Harbour Clinics', site: 'Milano', timeZone: 'Europe/Rome' },
  { tenant: 'Pine Logistics', site: 'Lyon', timeZone: 'Europe/Paris' },
  { tenant: 'Lakeside Hotels', site: 'Porto', timeZone: 'Europe/Lisbon' },
] as const;

const SIMULATED_PLACES = [
  { tenant: 'Ferrum Works', site: 'Gdansk', timeZone: 'Europe/Warsaw' },
  { tenant: 'Orchard Schools', site: 'Utrecht', timeZone: 'Europe/Amsterdam' },
  { tenant: 'Brightwater Foods', site: 'Bilbao', timeZone: 'Europe/Madrid' },
] as const;

export interface DemoGateway {
  name: string;
  tenant: string;
  site: string;
  timeZone: string;
  kind: 'kernel' | 'memory';
  number: number;
  /** One of many: it shares its flows with others. Absent for a gateway that is real wherever the machine allows it. */
  isSimulated?: true;
}

/** The demo's gateways. `number` counts the real ones from 1, as the lab does. */
export function demoFleet(gateways: number, simulated: number, kind: 'kernel' | 'memory'): DemoGateway[] {
  const real = Array.from({ length: gateways }, (_, index) =>
    gatewayAt(PLACES[index % PLACES.length]!, Math.floor(index / PLACES.length) + 1, kind, index + 1),
  );
  const more = Array.from({ length: simulated }, (_, index) => ({
    ...gatewayAt(
      SIMULATED_PLACES[index % SIMULATED_PLACES.length]!,
      Math.floor(index / SIMULATED_PLACES.length) + 1,
      'memory',
      gateways + index + 1,
    ),
    isSimulated: true as const,
  }));
  return [...real, ...more];
}

function gatewayAt(
  place: { tenant: string; site: string; timeZone: string },
  ordinal: number,
  kind: 'kernel' | 'memory',
  number: number,
): DemoGateway {
  return { ...place, name: `${place.site.toLowerCase()}-gw${ordinal}`, kind, number };
}
