-- Failovers as gateways tell them: each one record, of which the newest revision counts.
CREATE TABLE wan_event (
    id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    site_id uuid NOT NULL,
    revision integer NOT NULL,
    state text NOT NULL,
    wan text NOT NULL,
    began_at timestamptz(3) NOT NULL,
    changed_at timestamptz(3) NOT NULL,
    closed_at timestamptz(3),
    reported_at timestamptz(3) NOT NULL,
    -- All of it, as the REST API has it, but for names that may change.
    record jsonb NOT NULL,
    -- What was done about it, by the gateway's word.
    run_ids uuid[] NOT NULL,
    command_ids uuid[] NOT NULL,
    CONSTRAINT wan_event_pkey PRIMARY KEY (id),
    CONSTRAINT wan_event_gateway_id_fkey FOREIGN KEY (gateway_id) REFERENCES gateway (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX wan_event_tenant_id_id_idx ON wan_event (tenant_id, id DESC);
CREATE INDEX wan_event_gateway_id_id_idx ON wan_event (gateway_id, id DESC);
CREATE INDEX wan_event_gateway_id_state_idx ON wan_event (gateway_id, state);

-- What became of the flows that a command, or a run of a remediation on its gateway, ended.
CREATE TABLE aftermath (
    -- Of the command or of the run.
    id uuid NOT NULL,
    gateway_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    is_final boolean NOT NULL,
    watched_at timestamptz(3) NOT NULL,
    came_back jsonb NOT NULL,
    CONSTRAINT aftermath_pkey PRIMARY KEY (id),
    CONSTRAINT aftermath_gateway_id_fkey FOREIGN KEY (gateway_id) REFERENCES gateway (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX aftermath_gateway_id_idx ON aftermath (gateway_id);

ALTER TABLE wan_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE wan_event FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON wan_event USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE aftermath ENABLE ROW LEVEL SECURITY;
ALTER TABLE aftermath FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON aftermath USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));

GRANT SELECT, INSERT, UPDATE, DELETE ON wan_event, aftermath TO ctfleet_app;

CREATE INDEX wan_event_run_ids_idx ON wan_event USING gin (run_ids);
CREATE INDEX wan_event_command_ids_idx ON wan_event USING gin (command_ids);
