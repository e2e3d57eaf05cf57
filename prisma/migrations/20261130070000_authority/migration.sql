-- The authority of the gateways' certificates: shared by all controllers of a database, and no tenant's. Keys are encrypted with one that
-- is not in the database.
CREATE TABLE authority_root (
    id uuid NOT NULL,
    certificate text NOT NULL,
    sealed_key bytea,
    source text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    exported_at timestamptz(3),
    key_removed_at timestamptz(3),
    CONSTRAINT authority_root_pkey PRIMARY KEY (id),
    CONSTRAINT authority_root_source_check CHECK (source IN ('adopted', 'made', 'company'))
);

-- What signs gateways and controllers. `chain`: the certificates between it and its root, PEM. An adopted root signs them itself.
CREATE TABLE authority_issuer (
    id uuid NOT NULL,
    root_id uuid NOT NULL,
    certificate text NOT NULL,
    chain text NOT NULL DEFAULT '',
    sealed_key bytea,
    created_at timestamptz(3) NOT NULL,
    retired_at timestamptz(3),
    CONSTRAINT authority_issuer_pkey PRIMARY KEY (id),
    CONSTRAINT authority_issuer_root_id_fkey FOREIGN KEY (root_id) REFERENCES authority_root (id) ON DELETE RESTRICT ON UPDATE CASCADE
);

-- One row: which issuer signs, and where a rotation stands. Its version counts changes: whoever signs locks the row against them.
CREATE TABLE authority_state (
    id integer NOT NULL DEFAULT 1,
    phase text NOT NULL,
    issuer_id uuid NOT NULL,
    next_issuer_id uuid,
    since timestamptz(3) NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT authority_state_pkey PRIMARY KEY (id),
    CONSTRAINT authority_state_id_check CHECK (id = 1),
    CONSTRAINT authority_state_phase_check CHECK (
        phase IN ('steady', 'prepared', 'switched') AND (phase = 'steady') = (next_issuer_id IS NULL)
    ),
    CONSTRAINT authority_state_issuer_id_fkey FOREIGN KEY (issuer_id)
        REFERENCES authority_issuer (id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT authority_state_next_issuer_id_fkey FOREIGN KEY (next_issuer_id)
        REFERENCES authority_issuer (id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX authority_state_issuer_id_key ON authority_state (issuer_id);
CREATE UNIQUE INDEX authority_state_next_issuer_id_key ON authority_state (next_issuer_id);

-- Whoever sees one tenant sees no key, encrypted or not.
ALTER TABLE authority_root ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE authority_issuer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON authority_root USING ((SELECT app_sees_everything()));
CREATE POLICY installation ON authority_issuer USING ((SELECT app_sees_everything()));
GRANT SELECT, INSERT, UPDATE ON authority_root, authority_issuer, authority_state TO ctfleet_app;

-- Whose certificate a gateway last opened a session with, or was enrolled with. Null: of before, or not known.
ALTER TABLE gateway ADD COLUMN certificate_issuer uuid;
