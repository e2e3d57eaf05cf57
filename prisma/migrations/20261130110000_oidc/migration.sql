-- Companies' directories by which people sign in (OpenID Connect), and which of their groups gives which role.
CREATE TABLE oidc_provider (
    id uuid NOT NULL,
    name text NOT NULL,
    issuer text NOT NULL,
    client_id text NOT NULL,
    client_secret bytea,
    scopes text NOT NULL,
    groups_claim text NOT NULL,
    links_by_email boolean NOT NULL,
    created_at timestamptz(3) NOT NULL,
    CONSTRAINT oidc_provider_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX oidc_provider_name_key ON oidc_provider (name);

CREATE TABLE oidc_group (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    tenant_id uuid,
    CONSTRAINT oidc_group_pkey PRIMARY KEY (id),
    CONSTRAINT oidc_group_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES oidc_provider (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT oidc_group_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX oidc_group_provider_id_idx ON oidc_group (provider_id);

-- A sign-in that went to a provider and is not back yet. The row is taken by the first answer, so that no answer counts twice.
CREATE TABLE oidc_attempt (
    state_hash bytea NOT NULL,
    provider_id uuid NOT NULL,
    browser_hash bytea NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    next text NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    CONSTRAINT oidc_attempt_pkey PRIMARY KEY (state_hash),
    CONSTRAINT oidc_attempt_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES oidc_provider (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX oidc_attempt_expires_at_idx ON oidc_attempt (expires_at);

-- A role that a provider's groups gave, and take again at the next sign-in without them; null: given by a person.
ALTER TABLE role_grant ADD COLUMN provider_id uuid,
    ADD CONSTRAINT role_grant_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES oidc_provider (id) ON DELETE CASCADE ON UPDATE CASCADE;

-- Whatever tenant a group gives a role in, it is the installation's; names of providers are shown beside the roles that they gave.
ALTER TABLE oidc_group ENABLE ROW LEVEL SECURITY;
ALTER TABLE oidc_group FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON oidc_group USING ((SELECT app_sees_everything()));
ALTER TABLE oidc_attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE oidc_attempt FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON oidc_attempt USING ((SELECT app_sees_everything()));

GRANT SELECT, INSERT, UPDATE, DELETE ON oidc_provider, oidc_group, oidc_attempt TO ctfleet_app;
