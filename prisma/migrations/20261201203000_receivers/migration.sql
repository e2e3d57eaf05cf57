-- Who alerts are told to. Of the installation (tenant null): those of all tenants.
CREATE TABLE receiver (
    id uuid NOT NULL,
    tenant_id uuid,
    name text NOT NULL,
    kind text NOT NULL,
    severities text[] NOT NULL,
    -- Addresses of mail.
    addresses text[] NOT NULL,
    is_on boolean NOT NULL,
    revision integer NOT NULL,
    created_by_name text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    CONSTRAINT receiver_pkey PRIMARY KEY (id),
    CONSTRAINT receiver_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX receiver_tenant_id_idx ON receiver (tenant_id, name, id);

-- What is told to whom: once for each transition and address, however many replicas plan it.
CREATE TABLE delivery (
    id uuid NOT NULL,
    tenant_id uuid,
    alert_id uuid,
    transition_id uuid,
    -- 'raised' or 'cleared'.
    reason text NOT NULL,
    title text NOT NULL,
    -- null once the receiver is removed.
    receiver_id uuid,
    receiver_name text NOT NULL,
    kind text NOT NULL,
    address text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    queued_at timestamptz(3) NOT NULL,
    next_attempt_at timestamptz(3) NOT NULL,
    sent_at timestamptz(3),
    answer text,
    CONSTRAINT delivery_pkey PRIMARY KEY (id),
    CONSTRAINT delivery_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alert (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT delivery_receiver_id_fkey FOREIGN KEY (receiver_id) REFERENCES receiver (id) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE UNIQUE INDEX delivery_once ON delivery (transition_id, receiver_id, address);
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE state IN ('queued', 'retrying', 'sending');
CREATE INDEX delivery_tenant_id_idx ON delivery (tenant_id, id DESC);
CREATE INDEX delivery_alert_id_idx ON delivery (alert_id);

-- What happened before anybody could be told is not told now.
UPDATE alert_transition SET routed_at = at WHERE routed_at IS NULL;

ALTER TABLE receiver ENABLE ROW LEVEL SECURITY;
ALTER TABLE receiver FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON receiver USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));
ALTER TABLE delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE delivery FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON delivery USING ((SELECT app_sees_everything()) OR tenant_id = ANY ((SELECT app_tenants())::uuid[]));

GRANT SELECT, INSERT, UPDATE, DELETE ON receiver, delivery TO ctfleet_app;
