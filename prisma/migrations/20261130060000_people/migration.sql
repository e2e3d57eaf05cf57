ALTER TABLE "user" ADD COLUMN suspended_at timestamptz(3), ADD COLUMN last_sign_in_at timestamptz(3);

CREATE TABLE sign_in_link (
    user_id text NOT NULL,
    secret_hash bytea NOT NULL,
    created_by_name text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    CONSTRAINT sign_in_link_pkey PRIMARY KEY (user_id),
    CONSTRAINT sign_in_link_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_link TO ctfleet_app;

-- Every role of a person, whatever the scope: who manages a person must be allowed all of them.
CREATE FUNCTION all_grants_of(person TEXT) RETURNS TABLE (role TEXT, tenant_id UUID)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET app.tenants = 'all' AS $$
    SELECT role, tenant_id FROM role_grant WHERE user_id = person ORDER BY role_grant.id
$$;
REVOKE EXECUTE ON FUNCTION all_grants_of(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION all_grants_of(TEXT) TO ctfleet_app;

-- Whoever is suspended has none that count, whoever asks.
CREATE OR REPLACE FUNCTION grants_of(person TEXT) RETURNS TABLE (role TEXT, tenant_id UUID)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET app.tenants = 'all' AS $$
    SELECT role, tenant_id FROM all_grants_of(person)
    WHERE NOT EXISTS (SELECT FROM "user" WHERE id = person AND suspended_at IS NOT NULL)
$$;
