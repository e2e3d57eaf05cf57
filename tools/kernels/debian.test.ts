import { expect, test } from 'vitest';
import { packagesOf } from './debian.ts';

const NAMES = [
  'linux-image-5.10.0-9-cloud-amd64',
  'linux-image-5.10.0-46-cloud-amd64',
  'linux-image-5.10.0-46-cloud-amd64-dbg',
  'linux-image-5.10.0-46-cloud-amd64-unsigned',
  'linux-image-5.10.0-47-amd64',
  'linux-image-6.1-cloud-amd64',
  'linux-image-6.1.0-57-cloud-amd64',
  'linux-image-6.1.0-0.deb11.99-cloud-amd64',
  'linux-image-6.12.95+deb12-cloud-amd64',
  'linux-image-6.12.117+deb12-cloud-amd64',
  'linux-image-7.3.4+deb13-cloud-amd64',
  'linux-binary-7.3.4+deb13-cloud-amd64',
  'linux-binary-unsigned-7.3.5+deb13-cloud-amd64',
  'linux-modules-7.3.4+deb13-cloud-amd64',
  'linux-base-7.3.4+deb13-cloud-amd64',
  'linux-image-cloud-amd64',
];

test('the newest of a series is found by number, and no other series, flavour or rebuild for an older Debian is mistaken for it', () => {
  expect(packagesOf('5.10', NAMES)).toEqual(['linux-image-5.10.0-46-cloud-amd64']);
  expect(packagesOf('6.1', NAMES)).toEqual(['linux-image-6.1.0-57-cloud-amd64']);
  expect(packagesOf('6.12', NAMES)).toEqual(['linux-image-6.12.117+deb12-cloud-amd64']);
  expect(packagesOf('5.1', NAMES)).toBeUndefined();
});

test('if image, modules and their lists are separate packages, all are fetched', () => {
  expect(packagesOf('7.3', NAMES)).toEqual([
    'linux-binary-7.3.4+deb13-cloud-amd64',
    'linux-modules-7.3.4+deb13-cloud-amd64',
    'linux-base-7.3.4+deb13-cloud-amd64',
  ]);
});
