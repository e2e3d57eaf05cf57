-- How gateways are to track. Nothing is applied by being kept here.
CREATE TABLE policy (
    id uuid NOT NULL,
    -- null: of the installation.
    tenant_id uuid,
    name text NOT NULL,
    -- The name as two names are compared.
    name_key text NOT NULL,
    -- Rises with each change.
    revision integer NOT NULL,
    level text NOT NULL,
    tag text,
    site_id uuid,
    gateway_id uuid,
    -- Canonical YAML, and its SHA-256 in hex.
    document text NOT NULL,
    digest text NOT NULL,
    -- The pipeline that applies it from a file, and the file's revision; both or none.
    managed_by text,
    managed_revision text,
    created_by_name text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    changed_by_name text NOT NULL,
    changed_at timestamptz(3) NOT NULL,
    CONSTRAINT policy_pkey PRIMARY KEY (id),
    CONSTRAINT policy_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT policy_site_id_fkey FOREIGN KEY (site_id) REFERENCES site (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT policy_gateway_id_fkey FOREIGN KEY (gateway_id) REFERENCES gateway (id) ON DELETE CASCADE ON UPDATE CASCADE,
    -- Of the installation: for the fleet or a tag. Of a tenant: for anything of that tenant.
    CONSTRAINT policy_target CHECK (
        CASE level
            WHEN 'fleet' THEN tenant_id IS NULL
            WHEN 'tag' THEN tag IS NOT NULL
            WHEN 'tenant' THEN tenant_id IS NOT NULL
            WHEN 'site' THEN tenant_id IS NOT NULL AND site_id IS NOT NULL
            WHEN 'gateway' THEN tenant_id IS NOT NULL AND gateway_id IS NOT NULL
            ELSE false
        END
        AND (level = 'tag' OR tag IS NULL)
        AND (level = 'site' OR site_id IS NULL)
        AND (level = 'gateway' OR gateway_id IS NULL)
    ),
    CONSTRAINT policy_managed CHECK ((managed_by IS NULL) = (managed_revision IS NULL))
);
CREATE INDEX policy_tenant_id_idx ON policy (tenant_id);
CREATE INDEX policy_site_id_idx ON policy (site_id);
CREATE INDEX policy_gateway_id_idx ON policy (gateway_id);
-- Within a tenant, so that a name says nothing of other tenants.
CREATE UNIQUE INDEX policy_name_key ON policy (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'::uuid), name_key);

-- What a policy said, with the revision that it has now.
CREATE TABLE policy_revision (
    policy_id uuid NOT NULL,
    revision integer NOT NULL,
    tenant_id uuid,
    name text NOT NULL,
    -- In words, as things were named then.
    target text NOT NULL,
    document text NOT NULL,
    digest text NOT NULL,
    managed_by text,
    managed_revision text,
    changed_by_name text NOT NULL,
    changed_at timestamptz(3) NOT NULL,
    CONSTRAINT policy_revision_pkey PRIMARY KEY (policy_id, revision),
    CONSTRAINT policy_revision_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES policy (id) ON DELETE CASCADE ON UPDATE CASCADE
);

ALTER TABLE policy ENABLE ROW LEVEL SECURITY;
ALTER TABLE policy FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policy USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE policy_revision ENABLE ROW LEVEL SECURITY;
ALTER TABLE policy_revision FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policy_revision USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));

GRANT SELECT, INSERT, UPDATE, DELETE ON policy, policy_revision TO ctfleet_app;
