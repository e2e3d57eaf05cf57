-- True while a person has any second factor: a confirmed TOTP secret, or a passkey.
ALTER TABLE "user" ADD COLUMN two_factor_enabled boolean NOT NULL DEFAULT false;
-- When this session last proved a second factor.
ALTER TABLE session ADD COLUMN second_factor_at timestamptz(3);
-- Whoever has a role here must sign in with a second factor.
ALTER TABLE tenant ADD COLUMN demands_second_factor boolean NOT NULL DEFAULT false;

-- Of better-auth, in its words; secret and recovery codes are encrypted by it. Of no tenant, as people are.
CREATE TABLE two_factor (
    id text NOT NULL,
    user_id text NOT NULL,
    secret text NOT NULL,
    backup_codes text NOT NULL,
    verified boolean NOT NULL DEFAULT true,
    failed_verification_count integer NOT NULL DEFAULT 0,
    locked_until timestamptz(3),
    CONSTRAINT two_factor_pkey PRIMARY KEY (id),
    CONSTRAINT two_factor_user_id_key UNIQUE (user_id),
    CONSTRAINT two_factor_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON two_factor TO ctfleet_app;

CREATE TABLE passkey (
    id uuid NOT NULL,
    user_id text NOT NULL,
    name text NOT NULL,
    credential_id text NOT NULL,
    public_key bytea NOT NULL,
    counter bigint NOT NULL,
    transports text[] NOT NULL,
    is_synced boolean NOT NULL,
    created_at timestamptz(3) NOT NULL,
    last_used_at timestamptz(3),
    CONSTRAINT passkey_pkey PRIMARY KEY (id),
    CONSTRAINT passkey_credential_id_key UNIQUE (credential_id),
    CONSTRAINT passkey_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX passkey_user_id_idx ON passkey (user_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON passkey TO ctfleet_app;

-- Whether a tenant in which a person has a role demands a second factor; asked before the caller's scope is known.
CREATE FUNCTION second_factor_demanded_of(person TEXT) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET app.tenants = 'all' AS $$
    SELECT EXISTS (
        SELECT FROM tenant WHERE demands_second_factor
            AND EXISTS (SELECT FROM role_grant WHERE user_id = person AND (tenant_id IS NULL OR tenant_id = tenant.id))
    )
$$;
REVOKE EXECUTE ON FUNCTION second_factor_demanded_of(TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION second_factor_demanded_of(TEXT) TO ctfleet_app;
