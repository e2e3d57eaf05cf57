-- What the second person signed, with which passkey; null for approvals that were not signed, as all of before.
ALTER TABLE "plan_approval" ADD COLUMN "signature" JSONB;
-- Only a signature approves the plan.
ALTER TABLE "plan" ADD COLUMN "needs_signature" BOOLEAN NOT NULL DEFAULT false;
-- In this tenant a second person signs with a passkey.
ALTER TABLE "tenant_limits" ADD COLUMN "approvals_by_signature" BOOLEAN NOT NULL DEFAULT false;
