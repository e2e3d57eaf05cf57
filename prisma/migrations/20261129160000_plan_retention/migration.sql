-- Plans, flushes and runs are kept for a time as well, not only their flows. As before: the controller's role may not delete them, functions delete
-- what is old and nothing of the last 30 days, and row-level security binds the functions too.

-- Plans made before a time with their gateways, approvals and flushes, at most so many. One stays whose flush runs, can still be undone, ended
-- after that time, or has a command that is kept: a gateway's newest command never goes. Gives how many plans it was.
CREATE FUNCTION drop_plans(made_before TIMESTAMPTZ, most INTEGER) RETURNS INTEGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    bound CONSTANT TIMESTAMPTZ := least(made_before, now() - interval '30 days');
    old UUID[];
BEGIN
    SELECT array_agg(id) INTO old FROM (
        SELECT id FROM plan WHERE created_at < bound AND expires_at < now() AND NOT EXISTS (
            SELECT FROM flush WHERE flush.plan_id = plan.id AND (
                flush.state = 'running' OR coalesce(flush.finished_at, flush.started_at) >= bound
                OR EXISTS (SELECT FROM flush_target WHERE flush_target.flush_id = flush.id AND flush_target.undo_until > now())
                OR EXISTS (SELECT FROM command WHERE command.flush_id = flush.id)))
        ORDER BY created_at LIMIT most) AS oldest;
    DELETE FROM flush WHERE plan_id = ANY (old);
    DELETE FROM plan WHERE id = ANY (old);
    RETURN coalesce(cardinality(old), 0);
END $$;

-- Runs that ended and were reported before a time, with what is left of their flows.
CREATE FUNCTION drop_runs(reported_before TIMESTAMPTZ, most INTEGER) RETURNS INTEGER
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    old UUID[];
BEGIN
    SELECT array_agg(id) INTO old FROM (
        SELECT id FROM remediation_run WHERE reported_at < least(reported_before, now() - interval '30 days') AND state <> 'running'
        ORDER BY reported_at LIMIT most) AS oldest;
    DELETE FROM remediation_run_part WHERE run_id = ANY (old);
    DELETE FROM remediation_run WHERE id = ANY (old);
    RETURN coalesce(cardinality(old), 0);
END $$;

REVOKE EXECUTE ON FUNCTION drop_plans(TIMESTAMPTZ, INTEGER), drop_runs(TIMESTAMPTZ, INTEGER) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_plans(TIMESTAMPTZ, INTEGER), drop_runs(TIMESTAMPTZ, INTEGER) TO ctfleet_app;
