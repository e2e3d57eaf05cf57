-- Roll-outs of policies are carried out by what carries out flushes. What a plan is of: `flows` to end, or a `policy` to put in force.
ALTER TABLE "plan" ADD COLUMN "subject" TEXT NOT NULL DEFAULT 'flows';
-- The session on which a command was sent first: only a later one confirms a policy.
ALTER TABLE "command" ADD COLUMN "first_epoch" BIGINT;
-- While a gateway waits for its confirmation: when it puts the policy back by itself.
ALTER TABLE "flush_target" ADD COLUMN "confirm_until" TIMESTAMPTZ(3);

-- What is rolled out. It has the id of its plan, as its flush does once it has begun.
CREATE TABLE "policy_rollout" (
    "plan_id" UUID NOT NULL PRIMARY KEY REFERENCES "plan"("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "tenant_ids" UUID[],
    -- apply | undo
    "kind" TEXT NOT NULL,
    -- The roll-out that it takes back: each once.
    "undoes" UUID UNIQUE,
    -- Of a policy that may have been deleted since.
    "policy_id" UUID NOT NULL,
    "policy_name" TEXT NOT NULL,
    "policy_revision" INTEGER NOT NULL,
    "with_waves" BOOLEAN NOT NULL,
    -- Why a second person has to approve it; null where nobody has to.
    "why_approval" TEXT,
    -- Cancelled before anybody approved it.
    "cancelled_by" TEXT,
    "cancelled_at" TIMESTAMPTZ(3),
    CONSTRAINT "policy_rollout_undo" CHECK (("kind" = 'undo') = ("undoes" IS NOT NULL)),
    CONSTRAINT "policy_rollout_cancelled" CHECK (("cancelled_by" IS NULL) = ("cancelled_at" IS NULL))
);
CREATE INDEX "policy_rollout_policy_id_idx" ON "policy_rollout" ("policy_id");

-- One gateway's part: all that is to hold there, and what that changes.
CREATE TABLE "policy_rollout_gateway" (
    "plan_id" UUID NOT NULL REFERENCES "policy_rollout"("plan_id") ON DELETE CASCADE ON UPDATE CASCADE,
    "gateway_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    -- Canonical YAML; or the command that is taken back.
    "document" TEXT,
    "undo_of" UUID,
    -- The difference, with the origins of its values.
    "change" JSONB NOT NULL,
    PRIMARY KEY ("plan_id", "gateway_id"),
    CONSTRAINT "policy_rollout_gateway_work" CHECK (("document" IS NULL) = ("undo_of" IS NOT NULL))
);

ALTER TABLE "policy_rollout" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "policy_rollout" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "policy_rollout" USING ((SELECT app_sees_everything()) OR tenant_ids <@ (SELECT app_tenants())::uuid[]);
ALTER TABLE "policy_rollout_gateway" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "policy_rollout_gateway" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "policy_rollout_gateway" USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));

-- As plans, they are written once; only that one was cancelled is added.
GRANT SELECT, INSERT ON "policy_rollout", "policy_rollout_gateway" TO ctfleet_app;
GRANT UPDATE ("cancelled_by", "cancelled_at") ON "policy_rollout" TO ctfleet_app;
