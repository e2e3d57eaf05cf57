-- People with the same grants. What a group gives its members is in role_grant, where every question about rights is answered.
CREATE TABLE person_group (
    id uuid NOT NULL,
    name text NOT NULL,
    -- Counts changes, so that nobody changes what they have not seen.
    revision integer NOT NULL,
    -- Where it gives roles.
    is_over_all boolean NOT NULL,
    tenant_ids uuid[] NOT NULL,
    created_at timestamptz(3) NOT NULL,
    CONSTRAINT person_group_pkey PRIMARY KEY (id),
    -- Everybody would see all tenants of a group that has none.
    CONSTRAINT person_group_somewhere CHECK (is_over_all OR tenant_ids <> '{}')
);

CREATE TABLE person_group_grant (
    id uuid NOT NULL,
    group_id uuid NOT NULL,
    role text NOT NULL,
    tenant_id uuid,
    CONSTRAINT person_group_grant_pkey PRIMARY KEY (id),
    CONSTRAINT person_group_grant_group_id_fkey FOREIGN KEY (group_id) REFERENCES person_group (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT person_group_grant_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX person_group_grant_key ON person_group_grant (group_id, role, tenant_id) NULLS NOT DISTINCT;
CREATE INDEX person_group_grant_tenant_id_idx ON person_group_grant (tenant_id);

CREATE TABLE person_group_member (
    group_id uuid NOT NULL,
    user_id text NOT NULL,
    CONSTRAINT person_group_member_pkey PRIMARY KEY (group_id, user_id),
    CONSTRAINT person_group_member_group_id_fkey FOREIGN KEY (group_id) REFERENCES person_group (id) ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT person_group_member_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX person_group_member_user_id_idx ON person_group_member (user_id);

-- A role that a group gave; it ends with the membership, and so with the group. Null: given by a person or a provider.
ALTER TABLE role_grant ADD COLUMN group_id uuid,
    ADD CONSTRAINT role_grant_group_id_user_id_fkey FOREIGN KEY (group_id, user_id) REFERENCES person_group_member (group_id, user_id) ON DELETE CASCADE ON UPDATE CASCADE;
CREATE UNIQUE INDEX role_grant_group_key ON role_grant (group_id, user_id, role, tenant_id) NULLS NOT DISTINCT WHERE group_id IS NOT NULL;

-- Whoever sees all tenants in which it gives roles sees a group. To others it does not exist, its name included.
ALTER TABLE person_group ENABLE ROW LEVEL SECURITY;
ALTER TABLE person_group FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON person_group USING (
    (SELECT app_sees_everything()) OR (NOT is_over_all AND tenant_ids <@ (SELECT app_tenants())::uuid[])
);
-- Whoever sees the group: its own wall applies to these questions too.
ALTER TABLE person_group_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE person_group_grant FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON person_group_grant USING (
    (SELECT app_sees_everything())
    OR (tenant_id = ANY ((SELECT app_tenants())::uuid[]) AND EXISTS (SELECT FROM person_group WHERE person_group.id = group_id))
);
ALTER TABLE person_group_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE person_group_member FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON person_group_member USING (
    (SELECT app_sees_everything()) OR EXISTS (SELECT FROM person_group WHERE person_group.id = group_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON person_group, person_group_grant, person_group_member TO ctfleet_app;
