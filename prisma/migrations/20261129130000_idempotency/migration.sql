-- Answers to POSTs that carried an Idempotency-Key, for a day. `answer` is sealed: it may hold a secret that is shown once.
-- Of no tenant: a row belongs to its caller alone, whose key is part of `key_hash`.
CREATE TABLE "idempotent_request" (
    "key_hash" BYTEA NOT NULL,
    "caller_id" TEXT NOT NULL,
    "request_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "answer" BYTEA,

    CONSTRAINT "idempotent_request_pkey" PRIMARY KEY ("key_hash")
);
CREATE INDEX "idempotent_request_caller_id_idx" ON "idempotent_request" ("caller_id");
CREATE INDEX "idempotent_request_created_at_idx" ON "idempotent_request" ("created_at");

GRANT SELECT, INSERT, UPDATE, DELETE ON "idempotent_request" TO ctfleet_app;
