-- An intermediate that ctfleet prepared by itself: such a rotation it also finishes by itself, and no other.
ALTER TABLE authority_issuer ADD COLUMN is_automatic boolean NOT NULL DEFAULT false;

-- The certificate that the listeners of each controller present, by host and port. Rows that nobody renews any more are removed.
CREATE TABLE controller_certificate (
    name text NOT NULL,
    ends_at timestamptz(3) NOT NULL,
    seen_at timestamptz(3) NOT NULL,
    CONSTRAINT controller_certificate_pkey PRIMARY KEY (name)
);
ALTER TABLE controller_certificate ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY installation ON controller_certificate USING ((SELECT app_sees_everything()));
GRANT SELECT, INSERT, UPDATE, DELETE ON controller_certificate TO ctfleet_app;
