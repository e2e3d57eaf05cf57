/** The name in every controller's certificate; agents verify it whatever address they dial. */
export const CONTROLLER_NAME = 'controller.ctfleet';

/**
 * The server name (SNI) by which an agent says that it trusts a root. The certificate that it is shown has CONTROLLER_NAME all the same.
 * @param keyHash SHA-256 of the root's public key (SPKI)
 */
export function rootName(keyHash: Uint8Array): string {
  const digits = Array.from(keyHash.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0'));
  return `r-${digits.join('')}.${CONTROLLER_NAME}`;
}
