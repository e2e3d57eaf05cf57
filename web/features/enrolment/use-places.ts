'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';

/** Creates tenants, sites and join tokens; each call resolves once the lists that pages read include it. */
export function usePlaces() {
  const client = useQueryClient();
  const seen = (...keys: string[]) => Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
  const tenant = useMutation({
    mutationFn: (name: string) => call(routes.createTenant, { body: { name: name.trim() } }),
    onSuccess: () => seen('tenants'),
  });
  const site = useMutation({
    mutationFn: (body: { tenantId: string; name: string; timeZone: string }) =>
      call(routes.createSite, { body: { ...body, name: body.name.trim() } }),
    onSuccess: () => seen('sites'),
  });
  const token = useMutation({
    mutationFn: (body: { siteId: string; gatewayName: string }) =>
      call(routes.createEnrolmentToken, { body: { ...body, gatewayName: body.gatewayName.trim() } }),
    onSuccess: () => seen('enrolment-tokens'),
  });
  return { tenant, site, token };
}

/** The browser's time zone, as a default: most sites are where their operators are. */
export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
