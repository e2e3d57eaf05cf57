-- The grants of one person, which each call needs before anybody's scope is known: one statement in place of a transaction.
-- The application's role may read them all the same, with the scope set to all.
CREATE FUNCTION grants_of(person TEXT) RETURNS TABLE (role TEXT, tenant_id UUID)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET app.tenants = 'all' AS $$
    SELECT role, tenant_id FROM role_grant WHERE user_id = person ORDER BY id
$$;
REVOKE EXECUTE ON FUNCTION grants_of(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION grants_of(TEXT) TO ctfleet_app;
