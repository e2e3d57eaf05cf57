import { credentials, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { checkServerIdentity } from 'node:tls';
import { CONTROLLER_NAME } from '../../proto/model/link-names.ts';
import type { Identity } from './identity.ts';
import { dialledName } from './trust.ts';

/** mTLS with the gateway's own certificate. What answers must be named CONTROLLER_NAME, whatever name was dialled. */
export function linkCredentials(identity: Identity): ChannelCredentials {
  return credentials.createSsl(Buffer.from(identity.ca), Buffer.from(identity.key), Buffer.from(identity.certificate), {
    checkServerIdentity: (_, certificate) => checkServerIdentity(CONTROLLER_NAME, certificate),
  });
}

/** 256 KiB a message, and no reconnecting by grpc-js: the link has a backoff of its own. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.ssl_target_name_override': CONTROLLER_NAME,
  'grpc.default_authority': CONTROLLER_NAME,
  'grpc.max_receive_message_length': 256 * 1024,
  'grpc.max_send_message_length': 256 * 1024,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_retries': 0,
  // Else a TXT record is asked for at each dial, and a resolver that is dead, as it is when a WAN fails, holds the whole agent up.
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
};

/** For the link, where the controller may have a chain for each root. */
export function linkOptions({ ca }: Identity): ChannelOptions {
  return { ...CHANNEL_OPTIONS, 'grpc.ssl_target_name_override': dialledName(ca) };
}
