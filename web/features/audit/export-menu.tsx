'use client';

import { Menu } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { routes } from '../../../proto/http/routes.ts';
import { routeUrl } from '../../../client/route-url.ts';

const FORMATS = [
  { format: 'ndjson', name: 'NDJSON', is: 'every entry with its hash; anyone can verify it' },
  { format: 'csv', name: 'CSV', is: 'for a spreadsheet' },
  { format: 'ecs', name: 'ECS', is: 'for Elastic' },
  { format: 'cef', name: 'CEF', is: 'for other SIEMs' },
] as const;

/** The whole trail, or that of the tenant in scope, as a file. */
export function ExportMenu({ tenant }: { tenant: string | null }) {
  return (
    <Menu position="bottom-end" width={300} returnFocus>
      <Menu.Target>
        <button type="button" className="btn">
          <IconDownload className="i s" stroke={1.75} aria-hidden />
          Export
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map(({ format, name, is }) => (
          <Menu.Item
            key={format}
            component="a"
            href={routeUrl(routes.exportAudit, {}, { format, tenant: tenant ?? undefined })}
            download={`audit.${format === 'ecs' ? 'ecs.ndjson' : format}`}
          >
            <b>{name}</b> <span className="dim2 small">{is}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
