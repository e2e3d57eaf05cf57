-- The last mail to a person with a sign-in link, of no tenant, as people are. The link itself is made when it is sent, and kept nowhere.
CREATE TABLE mail (
    user_id text NOT NULL,
    -- invitation, link, reset
    kind text NOT NULL,
    asked_by_name text NOT NULL,
    asked_at timestamptz(3) NOT NULL,
    -- waiting, sent, failed
    state text NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz(3) NOT NULL,
    settled_at timestamptz(3),
    failure text,
    CONSTRAINT mail_pkey PRIMARY KEY (user_id),
    CONSTRAINT mail_user_id_fkey FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX mail_next_try_at_idx ON mail (next_try_at) WHERE state = 'waiting';
GRANT SELECT, INSERT, UPDATE, DELETE ON mail TO ctfleet_app;

-- An e-mail address for which a stranger asked for a new password, whether somebody has it or not. Looked up later, by the queue.
CREATE TABLE reset_request (
    id uuid NOT NULL,
    email text NOT NULL,
    address text NOT NULL,
    asked_at timestamptz(3) NOT NULL,
    CONSTRAINT reset_request_pkey PRIMARY KEY (id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON reset_request TO ctfleet_app;
