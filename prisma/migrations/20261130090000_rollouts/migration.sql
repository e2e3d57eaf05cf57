-- A roll-out: one join token for many gateways. Tables of their own, since a controller of the previous version would take a row of
-- enrolment_token for a token of one gateway.
CREATE TABLE rollout (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    -- Absent: each agent names its site.
    site_id uuid,
    -- Sites that agents name and that do not exist are made, in this time zone.
    makes_sites boolean NOT NULL,
    time_zone text NOT NULL,
    name_pattern text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    max_gateways integer NOT NULL,
    used integer NOT NULL DEFAULT 0,
    -- Prefixes that agents may connect from; none: anywhere.
    sources text[] NOT NULL DEFAULT '{}',
    needs_approval boolean NOT NULL,
    secret_hash bytea NOT NULL,
    created_at timestamptz(3) NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    revoked_at timestamptz(3),
    created_by_id text NOT NULL,
    created_by_name text NOT NULL,
    CONSTRAINT rollout_pkey PRIMARY KEY (id),
    CONSTRAINT rollout_never_more CHECK (used BETWEEN 0 AND max_gateways),
    CONSTRAINT rollout_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT rollout_site_id_fkey FOREIGN KEY (site_id) REFERENCES site (id) ON DELETE RESTRICT ON UPDATE CASCADE
);

-- One key that asked with the token of a roll-out.
CREATE TABLE enrolment (
    id uuid NOT NULL,
    rollout_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    -- SHA-256 of the public key (SPKI), base64url.
    key_hash text NOT NULL,
    -- waiting, approved, refused, enrolled
    state text NOT NULL,
    gateway_name text NOT NULL,
    site_name text NOT NULL,
    hostname text NOT NULL,
    address text NOT NULL,
    asked_at timestamptz(3) NOT NULL,
    last_asked_at timestamptz(3) NOT NULL,
    decided_at timestamptz(3),
    decided_by_name text,
    enrolled_at timestamptz(3),
    gateway_id uuid,
    CONSTRAINT enrolment_pkey PRIMARY KEY (id),
    CONSTRAINT enrolment_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES rollout (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE INDEX rollout_tenant_id_idx ON rollout (tenant_id);
CREATE UNIQUE INDEX enrolment_rollout_id_key_hash_key ON enrolment (rollout_id, key_hash);
CREATE INDEX enrolment_tenant_id_state_idx ON enrolment (tenant_id, state);

GRANT SELECT, INSERT, UPDATE, DELETE ON rollout, enrolment TO ctfleet_app;
ALTER TABLE rollout ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollout FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON rollout USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE enrolment ENABLE ROW LEVEL SECURITY;
ALTER TABLE enrolment FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON enrolment USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
