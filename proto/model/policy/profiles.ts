import type { ProfileName, Timeouts } from './document.ts';

/** For most gateways: connections that are quiet for two hours are kept, and not for the kernel's five days. */
const NORMAL: Timeouts = {
  'tcp.synSent': 120,
  'tcp.synRecv': 60,
  'tcp.established': 7200,
  'tcp.finWait': 120,
  'tcp.closeWait': 60,
  'tcp.lastAck': 30,
  'tcp.timeWait': 120,
  'tcp.close': 10,
  'udp.unreplied': 30,
  'udp.replied': 180,
  icmp: 30,
};

/** For NAT in front of many clients with short connections: entries are freed sooner, at the price of long-lived quiet ones. */
const BUSY_NAT: Timeouts = { ...NORMAL, 'tcp.established': 3600, 'tcp.timeWait': 30, 'udp.unreplied': 30, 'udp.replied': 60 };

export const PROFILES: Readonly<Record<ProfileName, Timeouts>> = { normal: NORMAL, 'busy-nat': BUSY_NAT };
