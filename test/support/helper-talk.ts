import type { Family } from './policy-trial.ts';

/** What sessions say whose helpers then expect another connection. */

/** Active FTP: the client waits for the data at this port (RFC 959, RFC 2428). */
export function ftpPort(family: Family, client: string, port: number): string {
  return family === 4 ? `PORT ${client.replaceAll('.', ',')},${port >> 8},${port & 255}\r\n` : `EPRT |2|${client}|${port}|\r\n`;
}

/** A TFTP read request (RFC 1350). */
export const TFTP_READ = Buffer.from('\0\x01firmware\0octet\0');

/** A call, and that it is taken: each names where its side listens for audio (RFC 3261, RFC 4566). */
export function sipInvite(caller: string, called: string, audioPort: number): string {
  return sipMessage(`INVITE sip:called@${hostIn(called)} SIP/2.0`, caller, called, sessionOf(caller, audioPort));
}

export function sipTaken(caller: string, called: string, audioPort: number): string {
  return sipMessage('SIP/2.0 200 OK', caller, called, sessionOf(called, audioPort));
}

function sipMessage(first: string, caller: string, called: string, session: string): string {
  const contact = first.startsWith('INVITE') ? caller : called;
  return [
    first,
    `Via: SIP/2.0/UDP ${hostIn(caller)}:5060;branch=z9hG4bK1`,
    `From: <sip:caller@${hostIn(caller)}>;tag=1`,
    `To: <sip:called@${hostIn(called)}>;tag=2`,
    'Call-ID: one-call',
    'CSeq: 1 INVITE',
    `Contact: <sip:someone@${hostIn(contact)}:5060>`,
    'Content-Type: application/sdp',
    `Content-Length: ${session.length}`,
    '',
    session,
  ].join('\r\n');
}

function sessionOf(address: string, audioPort: number): string {
  const at = `IN IP${address.includes(':') ? 6 : 4} ${address}`;
  return ['v=0', `o=- 1 1 ${at}`, 's=-', `c=${at}`, 't=0 0', `m=audio ${audioPort} RTP/AVP 0`, ''].join('\r\n');
}

function hostIn(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Control messages of PPTP that open a session and a call (RFC 2637); call ids are those of the client and of the server. */
export const PPTP = {
  startRequest: () => pptpMessage(1, 156, (view) => view.setUint16(12, 0x0100)),
  startReply: () =>
    pptpMessage(2, 156, (view) => {
      view.setUint16(12, 0x0100);
      view.setUint8(14, 1); // successful
    }),
  callRequest: (clientCallId: number) => pptpMessage(7, 168, (view) => view.setUint16(12, clientCallId)),
  callReply: (serverCallId: number, clientCallId: number) =>
    pptpMessage(8, 32, (view) => {
      view.setUint16(12, serverCallId);
      view.setUint16(14, clientCallId);
      view.setUint8(16, 1); // connected
    }),
} as const;

function pptpMessage(type: number, length: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length);
  view.setUint16(2, 1);
  view.setUint32(4, 0x1a2b3c4d);
  view.setUint16(8, type);
  fill(view);
  return bytes;
}
