CREATE TABLE "remediation" (
    "id" UUID NOT NULL,
    "tenant_id" UUID,
    "name" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "document" JSONB NOT NULL,
    "is_enabled" BOOLEAN NOT NULL,
    "built_in" TEXT,
    "hook_secret" BYTEA,
    -- The person behind what the document says now.
    "author_id" TEXT NOT NULL,
    "created_by_name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "remediation_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "remediation_run" (
    "id" UUID NOT NULL,
    "remediation_id" UUID NOT NULL,
    "remediation_name" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    -- Whoever may not see all of these sees nothing of the run. Empty: nothing of any tenant was touched.
    "tenant_ids" UUID[] NOT NULL,
    "gateway_id" UUID,
    "gateway_name" TEXT,
    "state" TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    "wan" TEXT,
    "triggered_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "reported_at" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT,
    "matched" INTEGER NOT NULL,
    "ended" INTEGER NOT NULL,
    "filter" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "plan_id" UUID,
    "flush_id" UUID,
    -- What makes it happen once: the zone and the time of a schedule, or the id of a call.
    "occasion" TEXT,

    CONSTRAINT "remediation_run_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "remediation_run_remediation_id_occasion_key" ON "remediation_run"("remediation_id", "occasion");
CREATE INDEX "remediation_run_remediation_id_id_idx" ON "remediation_run"("remediation_id", "id" DESC);
CREATE INDEX "remediation_run_gateway_id_id_idx" ON "remediation_run"("gateway_id", "id" DESC);
CREATE INDEX "remediation_run_flush_id_idx" ON "remediation_run"("flush_id");

-- The flows of a run on a gateway, as they came: RemediationRun messages with nothing but one sweep.
CREATE TABLE "remediation_run_part" (
    "run_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "part" INTEGER NOT NULL,
    "flows" INTEGER NOT NULL,
    "sweeps" BYTEA NOT NULL,

    CONSTRAINT "remediation_run_part_pkey" PRIMARY KEY ("run_id", "part")
);

GRANT SELECT, INSERT, UPDATE ON "remediation" TO ctfleet_app;
GRANT SELECT, INSERT, UPDATE ON "remediation_run" TO ctfleet_app;
GRANT SELECT, INSERT ON "remediation_run_part" TO ctfleet_app;

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['remediation', 'remediation_run_part']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (app_sees(tenant_id)) WITH CHECK (app_sees(tenant_id))', name);
    END LOOP;
    ALTER TABLE "remediation_run" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "remediation_run" FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON "remediation_run" USING (app_sees_all(tenant_ids)) WITH CHECK (app_sees_all(tenant_ids));
END $$;
