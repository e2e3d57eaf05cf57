-- The heads of audit chains, signed. Only ever added to.
CREATE TABLE "audit_checkpoint" (
    "chain" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "tenant_id" UUID,
    "hash" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "signature" TEXT NOT NULL,
    "key_id" TEXT NOT NULL,

    CONSTRAINT "audit_checkpoint_pkey" PRIMARY KEY ("chain", "seq")
);

GRANT SELECT, INSERT ON "audit_checkpoint" TO ctfleet_app;
ALTER TABLE "audit_checkpoint" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "audit_checkpoint" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "audit_checkpoint" USING (app_sees(tenant_id)) WITH CHECK (app_sees(tenant_id));
