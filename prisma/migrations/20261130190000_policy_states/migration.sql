-- How each gateway is set, as its agent told last.
CREATE TABLE policy_state (
    gateway_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    reported_at timestamptz(3) NOT NULL,
    -- The change that is in force; all or none.
    change_id text,
    policy text,
    -- SHA-256 in hex of all that holds there, as canonical YAML.
    digest text,
    -- Of a roll-out; null if it was put in force by hand.
    command_id uuid,
    since timestamptz(3),
    -- A change that nobody has confirmed yet.
    pending_policy text,
    pending_command_id uuid,
    pending_until timestamptz(3),
    drift_left integer NOT NULL,
    -- Why drift cannot be told.
    unknown text,
    CONSTRAINT policy_state_pkey PRIMARY KEY (gateway_id),
    CONSTRAINT policy_state_gateway_id_fkey FOREIGN KEY (gateway_id) REFERENCES gateway (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX policy_state_tenant_id_idx ON policy_state (tenant_id);

-- One value that is, or was, not as the policy in force has it.
CREATE TABLE policy_drift (
    id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    path text NOT NULL,
    wanted text,
    actual text,
    since timestamptz(3) NOT NULL,
    process text,
    state text NOT NULL,
    over_at timestamptz(3),
    -- What was decided about it and is still to be done; all or none.
    resolve_way text,
    resolve_until timestamptz(3),
    CONSTRAINT policy_drift_pkey PRIMARY KEY (id),
    CONSTRAINT policy_drift_gateway_id_fkey FOREIGN KEY (gateway_id) REFERENCES gateway (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT policy_drift_state CHECK (state IN ('open', 'ignored', 'over') AND (state = 'over') = (over_at IS NOT NULL)),
    CONSTRAINT policy_drift_resolve CHECK (
        (resolve_way IS NULL) = (resolve_until IS NULL) AND (resolve_way IS NULL OR resolve_way IN ('restore', 'ignore'))
    )
);
CREATE INDEX policy_drift_tenant_id_idx ON policy_drift (tenant_id);
CREATE INDEX policy_drift_gateway_id_idx ON policy_drift (gateway_id);
-- Of a value there is one drift at a time.
CREATE UNIQUE INDEX policy_drift_now_key ON policy_drift (gateway_id, path) WHERE state <> 'over';

ALTER TABLE policy_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE policy_state FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policy_state USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE policy_drift ENABLE ROW LEVEL SECURITY;
ALTER TABLE policy_drift FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policy_drift USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));

GRANT SELECT, INSERT, UPDATE, DELETE ON policy_state, policy_drift TO ctfleet_app;
