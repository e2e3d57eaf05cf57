/**
 * Every way ctfleet says no: the HTTP status, the gRPC status, and whether a retry can help. The console shows the sentence that came with
 * the code.
 */
export const ERROR_CODES = {
  INVALID_REQUEST: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  FILTER_UNPARSABLE: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  FILTER_EMPTY: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  /** A block by a filter that tests what no packet carries, or that describes only what is left alone. */
  FILTER_NOT_OF_PACKETS: { http: 422, grpc: 'INVALID_ARGUMENT', retry: false },
  FILTER_UNSUPPORTED: { http: 422, grpc: 'UNIMPLEMENTED', retry: false },
  /** The document of a policy has mistakes; `problems` has the place of each. */
  POLICY_INVALID: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  SCOPE_EMPTY: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  UNAUTHENTICATED: { http: 401, grpc: 'UNAUTHENTICATED', retry: false },
  FORBIDDEN: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  /** A wrong code, one that was used before, or a passkey that is not known here. */
  SECOND_FACTOR_REFUSED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  /** The session has to prove a second factor (again): the same request works after that. */
  STEP_UP_REQUIRED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  /** A second factor is demanded of this person, who has none yet. */
  MFA_REQUIRED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  CROSS_SITE_REFUSED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  NOT_FOUND: { http: 404, grpc: 'NOT_FOUND', retry: false },
  ALREADY_EXISTS: { http: 409, grpc: 'ALREADY_EXISTS', retry: false },
  /** Nobody could give access to anybody any more. */
  LAST_OWNER: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  /** A step of the authority's rotation that its phase does not have, lacks a key for, or that would strand gateways. */
  AUTHORITY_STEP_REFUSED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  PLAN_UNKNOWN: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  PLAN_EMPTY: { http: 422, grpc: 'FAILED_PRECONDITION', retry: false },
  PLAN_TOO_LARGE: { http: 422, grpc: 'FAILED_PRECONDITION', retry: false },
  PLAN_EXPIRED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  PLAN_ALREADY_RUN: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  PLAN_DRIFTED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  PLAN_DIGEST_MISMATCH: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  APPROVAL_NEEDED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  GUARD_REFUSED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  FLUSH_RUNNING: { http: 409, grpc: 'FAILED_PRECONDITION', retry: true },
  FLUSH_FINISHED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  BLOCK_OVER: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  /** An Idempotency-Key used before with another request; one whose request is still being answered, or has an unknown outcome. */
  IDEMPOTENCY_KEY_REUSED: { http: 422, grpc: 'FAILED_PRECONDITION', retry: false },
  IDEMPOTENCY_PENDING: { http: 409, grpc: 'ABORTED', retry: true },
  /** A remediation's own condition: no healthy target, a flapping WAN. */
  CONDITION_UNMET: { http: 409, grpc: 'FAILED_PRECONDITION', retry: true },
  /** A pipeline applies the policy from a file: it is changed there, or taken over first. */
  POLICY_MANAGED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  /** A policy that was in force was not confirmed, and the gateway is as it was before. */
  POLICY_RESTORED: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  COMMAND_LATE: { http: 409, grpc: 'DEADLINE_EXCEEDED', retry: false },
  COMMAND_OUT_OF_ORDER: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  EPOCH_SUPERSEDED: { http: 409, grpc: 'ABORTED', retry: false },
  /** Two agents hold one identity, or an agent has seen numbers that its controller never issued: a person decides. */
  GATEWAY_SET_ASIDE: { http: 409, grpc: 'FAILED_PRECONDITION', retry: true },
  /** It is still good for its own renewal. */
  CERTIFICATE_ENDED: { http: 401, grpc: 'UNAUTHENTICATED', retry: true },
  /** The certificate was replaced by a newer one that has been used since: its holder is a copy, or was put back from one. */
  CERTIFICATE_SUPERSEDED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  GATEWAY_AHEAD: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  LINK_REFUSED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  /** The gateway has its certificate, or its agent has not asked for it for too long. */
  ENROLMENT_OVER: { http: 409, grpc: 'FAILED_PRECONDITION', retry: false },
  JOIN_TOKEN_REFUSED: { http: 403, grpc: 'PERMISSION_DENIED', retry: false },
  GATEWAY_OFFLINE: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  GATEWAY_SLOW: { http: 504, grpc: 'DEADLINE_EXCEEDED', retry: true },
  CAPABILITY_MISSING: { http: 422, grpc: 'FAILED_PRECONDITION', retry: false },
  RATE_LIMITED: { http: 429, grpc: 'RESOURCE_EXHAUSTED', retry: true },
  CANCELLED: { http: 499, grpc: 'CANCELLED', retry: false },
  UNAVAILABLE: { http: 503, grpc: 'UNAVAILABLE', retry: true },
  INTERNAL: { http: 500, grpc: 'INTERNAL', retry: false },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected refusal with a sentence for people. `fields` locates it: a span of a filter, a path of a body, a gateway. */
export class FleetError extends Error {
  readonly code: ErrorCode;
  readonly fields: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, fields: Record<string, unknown> = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FleetError';
    this.code = code;
    this.fields = fields;
  }
}
