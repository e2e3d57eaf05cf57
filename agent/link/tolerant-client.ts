import { makeGenericClientConstructor, type ChannelCredentials, type ClientOptions } from '@grpc/grpc-js';
import { ControllerMessage, LinkClient, LinkService, type Unreadable } from '../../proto/gen/ctfleet/v1/link.ts';

/** Characters of why a message cannot be decoded. */
const MAX_DETAIL = 200;

/** What comes down a session: a message, or what is known of one that cannot be decoded. */
export type Incoming = { message: ControllerMessage } | { unreadable: Unreadable };

/**
 * Never throws: what a deserializer throws would end the whole session, and with it commands and answers that have nothing to do with it.
 */
export function readIncoming(bytes: Uint8Array): Incoming {
  try {
    return { message: ControllerMessage.decode(bytes) };
  } catch (error) {
    return { unreadable: { bytes: bytes.length, detail: (error as Error).message.slice(0, MAX_DETAIL) } };
  }
}

const TolerantClient = makeGenericClientConstructor(
  { ...LinkService, session: { ...LinkService.session, responseDeserialize: readIncoming } },
  'ctfleet.v1.Link',
) as unknown as {
  new (address: string, credentials: ChannelCredentials, options?: Partial<ClientOptions>): LinkClient;
};

/** A client of the link whose sessions give `Incoming` as data. */
export function tolerantClient(address: string, credentials: ChannelCredentials, options: Partial<ClientOptions>): LinkClient {
  return new TolerantClient(address, credentials, options);
}
