-- A join token may be for a gateway that exists already: its state was lost, its certificate ended too long ago, or it was revoked.
ALTER TABLE enrolment_token ADD COLUMN is_again boolean NOT NULL DEFAULT false;
