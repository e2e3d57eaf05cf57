-- What is kept, and how long. The controller's role may not delete plans' flows, runs' flows and audit entries; these functions delete what is
-- old, and nothing that is young, whoever calls them. They see what their caller sees: row-level security binds them too.

ALTER TABLE "plan" ADD COLUMN "flows_dropped_at" TIMESTAMPTZ(3);
CREATE INDEX "plan_created_at_idx" ON "plan"("created_at");
CREATE INDEX "remediation_run_reported_at_idx" ON "remediation_run"("reported_at");
CREATE INDEX "command_finished_at_idx" ON "command"("finished_at");

-- What was taken from the beginning of an audit chain: entries up to `seq`, of which the last had `hash`. Signed as checkpoints are. Only ever added to.
CREATE TABLE "audit_stub" (
    "chain" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "tenant_id" UUID,
    "hash" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "signature" TEXT NOT NULL,
    "key_id" TEXT NOT NULL,

    CONSTRAINT "audit_stub_pkey" PRIMARY KEY ("chain", "seq")
);
GRANT SELECT ON "audit_stub" TO ctfleet_app;
ALTER TABLE "audit_stub" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "audit_stub" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "audit_stub" USING (app_sees(tenant_id)) WITH CHECK (app_sees(tenant_id));

-- The flows of plans made before a time, at most so many plans; those of a flush that still runs stay. Gives how many plans it was.
CREATE FUNCTION drop_plan_flows(made_before TIMESTAMPTZ, most INTEGER) RETURNS INTEGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    old UUID[];
BEGIN
    SELECT array_agg(id) INTO old FROM (
        SELECT id FROM plan WHERE created_at < least(made_before, now() - interval '1 day') AND flows_dropped_at IS NULL
            AND NOT EXISTS (SELECT FROM flush WHERE flush.plan_id = plan.id AND flush.state = 'running')
        ORDER BY created_at LIMIT most) AS oldest;
    DELETE FROM plan_chunk WHERE plan_id = ANY (old);
    UPDATE plan SET flows_dropped_at = now() WHERE id = ANY (old);
    RETURN coalesce(cardinality(old), 0);
END $$;

-- The flows of runs that gateways reported before a time.
CREATE FUNCTION drop_run_flows(reported_before TIMESTAMPTZ, most INTEGER) RETURNS INTEGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    old UUID[];
BEGIN
    SELECT array_agg(id) INTO old FROM (
        SELECT id FROM remediation_run AS run WHERE reported_at < least(reported_before, now() - interval '1 day')
            AND EXISTS (SELECT FROM remediation_run_part WHERE run_id = run.id)
        ORDER BY reported_at LIMIT most) AS oldest;
    DELETE FROM remediation_run_part WHERE run_id = ANY (old);
    RETURN coalesce(cardinality(old), 0);
END $$;

-- Entries of a chain up to `last`, against a signed stub that names the last one. Nothing of the last 30 days goes, nor the head of a chain.
CREATE FUNCTION drop_audit_entries(of_chain TEXT, last BIGINT, last_hash TEXT, stub_at TIMESTAMPTZ, stub_signature TEXT, stub_key_id TEXT) RETURNS INTEGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    dropped INTEGER;
BEGIN
    IF NOT EXISTS (SELECT FROM audit_entry WHERE chain = of_chain AND seq = last AND hash = last_hash)
        OR EXISTS (SELECT FROM audit_entry WHERE chain = of_chain AND seq <= last AND at >= now() - interval '30 days')
        OR NOT EXISTS (SELECT FROM audit_head WHERE chain = of_chain AND seq > last)
    THEN
        RAISE EXCEPTION 'entries of % up to % are too young to go, or not there', of_chain, last;
    END IF;
    INSERT INTO audit_stub (chain, seq, tenant_id, hash, at, signature, key_id)
        SELECT chain, seq, tenant_id, hash, stub_at, stub_signature, stub_key_id FROM audit_entry WHERE chain = of_chain AND seq = last;
    DELETE FROM audit_checkpoint WHERE chain = of_chain AND seq <= last;
    DELETE FROM audit_entry WHERE chain = of_chain AND seq <= last;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION drop_plan_flows(TIMESTAMPTZ, INTEGER), drop_run_flows(TIMESTAMPTZ, INTEGER),
    drop_audit_entries(TEXT, BIGINT, TEXT, TIMESTAMPTZ, TEXT, TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_plan_flows(TIMESTAMPTZ, INTEGER), drop_run_flows(TIMESTAMPTZ, INTEGER),
    drop_audit_entries(TEXT, BIGINT, TEXT, TIMESTAMPTZ, TEXT, TEXT) TO ctfleet_app;
