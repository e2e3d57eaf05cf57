-- When the flows of a run went, so that a run without flows is told from one whose flows are past their time.
ALTER TABLE "remediation_run" ADD COLUMN "flows_dropped_at" TIMESTAMPTZ(3);

CREATE OR REPLACE FUNCTION drop_run_flows(reported_before TIMESTAMPTZ, most INTEGER) RETURNS INTEGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    old UUID[];
BEGIN
    SELECT array_agg(id) INTO old FROM (
        SELECT id FROM remediation_run AS run WHERE reported_at < least(reported_before, now() - interval '1 day')
            AND EXISTS (SELECT FROM remediation_run_part WHERE run_id = run.id)
        ORDER BY reported_at LIMIT most) AS oldest;
    DELETE FROM remediation_run_part WHERE run_id = ANY (old);
    UPDATE remediation_run SET flows_dropped_at = now() WHERE id = ANY (old);
    RETURN coalesce(cardinality(old), 0);
END $$;
