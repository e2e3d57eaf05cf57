-- Two agents that hold one identity: which start of an agent holds the link, which held it before, and how often it was taken from a living one.
ALTER TABLE "link_session" ADD COLUMN "instance_id" TEXT;
ALTER TABLE "link_session" ADD COLUMN "superseded" TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE "link_session" ADD COLUMN "takeovers" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "link_session" ADD COLUMN "takeovers_since" TIMESTAMPTZ(3);
ALTER TABLE "gateway" ADD COLUMN "set_aside_at" TIMESTAMPTZ(3);
ALTER TABLE "gateway" ADD COLUMN "set_aside_reason" TEXT;

-- Whose a part is, and how many flows it ended; null in parts of before.
ALTER TABLE "remediation_run_part" ADD COLUMN "gateway_id" UUID;
ALTER TABLE "remediation_run_part" ADD COLUMN "ended" INTEGER;
CREATE INDEX "remediation_run_part_gateway_id_idx" ON "remediation_run_part"("gateway_id");
-- Parts of a run that was never reported whole give way to those of the next.
GRANT UPDATE, DELETE ON "remediation_run_part" TO ctfleet_app;
