-- What rules found. An alert is raised once and cleared once; its rows and transitions are written in one transaction.
CREATE TABLE alert (
    id uuid NOT NULL,
    -- null: of the installation.
    tenant_id uuid,
    site_id uuid,
    gateway_id uuid,
    rule text NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL,
    state text NOT NULL,
    fingerprint text NOT NULL,
    title text NOT NULL,
    cause text,
    likely text,
    value double precision,
    "limit" double precision,
    pending_since timestamptz(3) NOT NULL,
    raised_at timestamptz(3),
    cleared_at timestamptz(3),
    changed_at timestamptz(3) NOT NULL,
    acknowledged_by_name text,
    acknowledged_at timestamptz(3),
    assigned_to_id uuid,
    silenced_until timestamptz(3),
    silenced_by_name text,
    silence_reason text,
    parent_id uuid,
    wan_event_id uuid,
    remediation_id uuid,
    -- As the REST API has them.
    evidence jsonb,
    fix jsonb,
    CONSTRAINT alert_pkey PRIMARY KEY (id),
    CONSTRAINT alert_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE
);
-- The same thing is not raised twice at a time.
CREATE UNIQUE INDEX alert_open_key ON alert (fingerprint) WHERE cleared_at IS NULL;
CREATE INDEX alert_tenant_id_changed_at_idx ON alert (tenant_id, changed_at DESC);
CREATE INDEX alert_gateway_id_idx ON alert (gateway_id, pending_since DESC);
CREATE INDEX alert_parent_id_idx ON alert (parent_id) WHERE parent_id IS NOT NULL;

-- What happened to alerts, in order. Whoever delivers takes those without routed_at, and sets it in the transaction that plans deliveries.
CREATE TABLE alert_transition (
    id uuid NOT NULL,
    alert_id uuid NOT NULL,
    tenant_id uuid,
    transition text NOT NULL,
    at timestamptz(3) NOT NULL,
    by_name text,
    note text,
    routed_at timestamptz(3),
    CONSTRAINT alert_transition_pkey PRIMARY KEY (id),
    CONSTRAINT alert_transition_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alert (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX alert_transition_alert_id_idx ON alert_transition (alert_id, at);
CREATE INDEX alert_transition_unrouted_idx ON alert_transition (at) WHERE routed_at IS NULL;

ALTER TABLE alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON alert USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE alert_transition ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_transition FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON alert_transition USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));

GRANT SELECT, INSERT, UPDATE, DELETE ON alert, alert_transition TO ctfleet_app;
