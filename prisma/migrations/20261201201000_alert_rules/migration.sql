-- By which rules alerts are raised, how far each gateway was judged, and when nobody is told.

-- When it was quiet last, and what retention drops.
CREATE INDEX alert_cleared_at_idx ON alert (cleared_at) WHERE cleared_at IS NOT NULL;
-- In the order of lists.
CREATE INDEX alert_list_idx ON alert ((cleared_at IS NULL) DESC, pending_since DESC, id DESC) WHERE parent_id IS NULL;

-- What operators say beside the built-in rules.
CREATE TABLE alert_rules (
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
    -- Canonical YAML.
    document text NOT NULL,
    changed_by_name text NOT NULL,
    changed_at timestamptz(3) NOT NULL,
    CONSTRAINT alert_rules_pkey PRIMARY KEY (id),
    CONSTRAINT alert_rules_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT alert_rules_site_id_fkey FOREIGN KEY (site_id) REFERENCES site (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT alert_rules_gateway_id_fkey FOREIGN KEY (gateway_id) REFERENCES gateway (id) ON DELETE CASCADE ON UPDATE CASCADE,
    -- Of the installation: for the fleet or a tag. Of a tenant: for anything of that tenant.
    CONSTRAINT alert_rules_target CHECK (
        CASE level
            WHEN 'fleet' THEN tenant_id IS NULL
            WHEN 'tag' THEN tag IS NOT NULL
            WHEN 'tenant' THEN tenant_id IS NOT NULL
            WHEN 'site' THEN tenant_id IS NOT NULL AND site_id IS NOT NULL
            WHEN 'gateway' THEN tenant_id IS NOT NULL AND gateway_id IS NOT NULL
            ELSE false
        END
    )
);
CREATE INDEX alert_rules_tenant_id_idx ON alert_rules (tenant_id);
CREATE INDEX alert_rules_site_id_idx ON alert_rules (site_id);
CREATE INDEX alert_rules_gateway_id_idx ON alert_rules (gateway_id);
-- Within a tenant, so that a name says nothing of other tenants.
CREATE UNIQUE INDEX alert_rules_name_key ON alert_rules (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'::uuid), name_key);

-- What pends and what is raised on a gateway by its samples, as of the last sample that changed it. Written in the transaction that stores
-- that sample, and only on top of the version that was judged from: of two replicas one begins again from what the other wrote.
CREATE TABLE alert_state (
    gateway_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    version integer NOT NULL,
    judged_at timestamptz(3) NOT NULL,
    -- By rule.
    rules jsonb NOT NULL,
    CONSTRAINT alert_state_pkey PRIMARY KEY (gateway_id),
    CONSTRAINT alert_state_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE
);

-- When alerts are not told.
CREATE TABLE maintenance_window (
    id uuid NOT NULL,
    -- null: of the installation.
    tenant_id uuid,
    name text NOT NULL,
    level text NOT NULL,
    tag text,
    site_id uuid,
    gateway_id uuid,
    -- Once, or by a cron expression; as the REST API has it.
    "when" jsonb NOT NULL,
    -- An IANA zone, or `site`.
    time_zone text NOT NULL,
    created_by_name text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    CONSTRAINT maintenance_window_pkey PRIMARY KEY (id),
    CONSTRAINT maintenance_window_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT maintenance_window_site_id_fkey FOREIGN KEY (site_id) REFERENCES site (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT maintenance_window_gateway_id_fkey FOREIGN KEY (gateway_id) REFERENCES gateway (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX maintenance_window_tenant_id_idx ON maintenance_window (tenant_id);
CREATE INDEX maintenance_window_site_id_idx ON maintenance_window (site_id);
CREATE INDEX maintenance_window_gateway_id_idx ON maintenance_window (gateway_id);

-- In one row, whose lock is the turn of the one worker that judges what is not in samples. Times by this server's clock.
CREATE TABLE alert_sweep (
    "only" boolean NOT NULL DEFAULT true,
    ran_at timestamptz(3) NOT NULL,
    -- Since when it has run without a pause: silence of gateways counts from then at the earliest.
    steady_since timestamptz(3) NOT NULL,
    -- The first break of the audit chain that was found last, and when it was looked for.
    audit_checked_at timestamptz(3) NOT NULL,
    audit_break text,
    CONSTRAINT alert_sweep_pkey PRIMARY KEY ("only"),
    CONSTRAINT alert_sweep_only_one CHECK ("only")
);
INSERT INTO alert_sweep (ran_at, steady_since, audit_checked_at) VALUES (now() - interval '1 day', now(), now());

ALTER TABLE alert_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON alert_rules USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE alert_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_state FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON alert_state USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE maintenance_window ENABLE ROW LEVEL SECURITY;
ALTER TABLE maintenance_window FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON maintenance_window USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));

GRANT SELECT, INSERT, UPDATE, DELETE ON alert_rules, alert_state, maintenance_window TO ctfleet_app;
GRANT SELECT, UPDATE ON alert_sweep TO ctfleet_app;
