import { expect, test } from 'vitest';
import { busiestCardCpu, cpusOf, without } from './cpu-choice.ts';

const VIRTIO = `           CPU0       CPU1
 24:          1          0  IO-APIC   5-edge      ACPI:Ged
 36:          0    2498179 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
 38:          7      85491 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0
 39:      86982          0 PCI-MSIX-0000:00:03.0   2-edge      virtio2-output.0
NMI:          9          9   Non-maskable interrupts
ERR:          0
`;
const QUEUES = `            CPU0       CPU2       CPU3
  45:         10          0        400   GICv3-ITS 524288 Edge      eth1-TxRx-0
  46:          0        300          0   GICv3-ITS 524289 Edge      eth1-TxRx-1
  47:     999999          0          0   GICv3-ITS 524290 Edge      eth10-TxRx-0
  48:     999999          0          0   GICv3-ITS 524291 Edge      nvme0q1
`;

test('the device behind an interface is counted, all its queues together, and no other', () => {
  expect(busiestCardCpu(VIRTIO, ['eth0', 'virtio2'])).toBe(0);
  expect(busiestCardCpu(VIRTIO, ['eth0', 'virtio1'])).toBe(1);
});

test('columns are the CPUs that are online, and a name is not the beginning of another', () => {
  expect(busiestCardCpu(QUEUES, ['eth1'])).toBe(3);
  expect(busiestCardCpu(QUEUES, ['eth1', 'eth10'])).toBe(0);
});

test('where no card is named, or none was served, there is no such CPU', () => {
  for (const cards of [[], ['eth0'], ['virtio9']]) expect(busiestCardCpu(VIRTIO, cards)).toBeUndefined();
  expect(busiestCardCpu(VIRTIO.replaceAll('85491', '0').replaceAll('86982', '0').replace('  7', '  0'), ['virtio2'])).toBeUndefined();
  expect(busiestCardCpu('', ['eth0'])).toBeUndefined();
});

test('a mask loses the one CPU, but not its last, nor one that it does not have', () => {
  expect(cpusOf(without(Uint8Array.of(0b1011, 1), 1)!)).toEqual([0, 3, 8]);
  expect(cpusOf(without(Uint8Array.of(0b1011, 1), 8)!)).toEqual([0, 1, 3]);
  expect(without(Uint8Array.of(0b10), 1)).toBeUndefined();
  expect(without(Uint8Array.of(0b11), 2)).toBeUndefined();
  expect(without(Uint8Array.of(0b11), 99)).toBeUndefined();
});
