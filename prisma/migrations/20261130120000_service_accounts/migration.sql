-- Accounts of programs: they belong to a tenant or to the installation, and to no person.
CREATE TABLE service_account (
    id uuid NOT NULL,
    -- null: over all tenants.
    tenant_id uuid,
    name text NOT NULL,
    purpose text NOT NULL,
    role text NOT NULL,
    -- Only these of what the role allows; none: all of it.
    actions text[] NOT NULL,
    created_by_name text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    suspended_at timestamptz(3),
    CONSTRAINT service_account_pkey PRIMARY KEY (id),
    CONSTRAINT service_account_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX service_account_tenant_id_idx ON service_account (tenant_id);
-- Within a tenant, so that a name says nothing of other tenants.
CREATE UNIQUE INDEX service_account_name_key ON service_account (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'::uuid), name);

-- The current secret of an account, and after a rotation the earlier one until it ends.
CREATE TABLE service_account_secret (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    -- Who was shown it: what is done with it is this person's where a second person is needed. Outlives the person.
    shown_to_id text NOT NULL,
    shown_to_name text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    -- null: the current one.
    ends_at timestamptz(3),
    last_used_at timestamptz(3),
    CONSTRAINT service_account_secret_pkey PRIMARY KEY (id),
    CONSTRAINT service_account_secret_account_id_fkey FOREIGN KEY (account_id) REFERENCES service_account (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX service_account_secret_account_id_idx ON service_account_secret (account_id);

ALTER TABLE service_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_account FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON service_account USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
-- Whoever sees the account: its own wall applies to this question too.
ALTER TABLE service_account_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_account_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON service_account_secret USING (
    (SELECT app_sees_everything()) OR EXISTS (SELECT FROM service_account WHERE service_account.id = account_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON service_account, service_account_secret TO ctfleet_app;
