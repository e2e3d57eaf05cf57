-- The controllers of this database. One that no longer beats has died, by the clock of this database.
CREATE TABLE replica (
    id uuid NOT NULL,
    version text NOT NULL,
    roles text[] NOT NULL,
    -- Where the others ask it for the gateways whose session it holds; null without the role link.
    peer_address text,
    started_at timestamptz(3) NOT NULL,
    heartbeat_at timestamptz(3) NOT NULL,
    -- It gives its sessions away and takes no more.
    draining_since timestamptz(3),
    -- It stopped, or somebody found that it no longer beats.
    ended_at timestamptz(3),
    CONSTRAINT replica_pkey PRIMARY KEY (id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON replica TO ctfleet_app;

-- When the session was closed because its replica died or was drained. Replicas of 0.1.0 do not know the column: what they close later
-- has a later closed_at.
ALTER TABLE link_session ADD COLUMN interrupted_at timestamptz(3);
CREATE INDEX link_session_replica_id_idx ON link_session (replica_id);
