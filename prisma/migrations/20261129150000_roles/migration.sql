-- The controller logs in as a member of ctfleet_app, which owns nothing. What needs an owner is in functions that do this and nothing else.

-- Makes the partition of a history table for the days from `first` to before `next`, if it is not there.
CREATE FUNCTION make_history_partition(parent TEXT, first DATE, next DATE) RETURNS VOID
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF parent <> ALL (ARRAY['sample', 'sample_minute', 'sample_hour']) OR next <= first OR next - first > 31 THEN
        RAISE EXCEPTION '% from % to % is no partition of the history', parent, first, next;
    END IF;
    -- Two controllers at once make one.
    PERFORM pg_advisory_xact_lock(72707370);
    EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
        parent || '_p' || to_char(first, 'YYYYMMDD'), parent, first || ' 00:00:00Z', next || ' 00:00:00Z');
END $$;

-- Drops a partition of a history table, and no other table.
CREATE FUNCTION drop_history_partition(name TEXT) RETURNS VOID
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_inherits WHERE inhrelid = to_regclass('public.' || quote_ident(name))
            AND inhparent IN ('public.sample'::regclass, 'public.sample_minute'::regclass, 'public.sample_hour'::regclass)
    ) THEN
        RAISE EXCEPTION '% is no partition of the history', name;
    END IF;
    EXECUTE format('DROP TABLE public.%I', name);
END $$;

REVOKE EXECUTE ON FUNCTION make_history_partition(TEXT, DATE, DATE), drop_history_partition(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_history_partition(TEXT, DATE, DATE), drop_history_partition(TEXT) TO ctfleet_app;
