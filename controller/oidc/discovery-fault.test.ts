import { expect, it } from 'vitest';
import { discoveryFault } from './discovery-fault.ts';

const failed = (code: string, message = 'connect ECONNREFUSED 10.0.0.5:22 SSH-2.0-OpenSSH_9.6'): Error =>
  new Error('the request failed', { cause: new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) }) });

it.each([
  ['ECONNREFUSED', 'the connection was refused'],
  ['UND_ERR_CONNECT_TIMEOUT', 'there was no answer in time'],
  ['OAUTH_TIMEOUT', 'there was no answer in time'],
  ['ENOTFOUND', 'its name is not known'],
  ['EAI_AGAIN', 'its name is not known'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is not trusted, or it speaks no TLS'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate is not trusted, or it speaks no TLS'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'its certificate is not trusted, or it speaks no TLS'],
  ['UND_ERR_SOCKET', 'the connection was broken off'],
  ['OAUTH_RESPONSE_IS_NOT_JSON', 'the answer is no discovery document'],
  ['OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED', 'the document names another issuer'],
  ['SOMETHING_ELSE', 'the log of the controller says why'],
])('%s is one of a few sentences, without what the other side said', (code, words) => {
  expect(discoveryFault(failed(code))).toBe(words);
});

it('an answer that is none has its status', () => {
  const cause = Object.assign(new Error('unexpected HTTP response status code'), {
    code: 'OAUTH_RESPONSE_IS_NOT_CONFORM',
    cause: { status: 404 },
  });
  expect(discoveryFault(new Error('unreachable', { cause }))).toBe('it answered with status 404');
  expect(discoveryFault(undefined)).toBe('the log of the controller says why');
});
