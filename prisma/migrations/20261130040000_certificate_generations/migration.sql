-- Certificates are renewed. Those issued before have generation 0, and no key of them is known.
ALTER TABLE gateway
  ADD COLUMN certificate_generation integer NOT NULL DEFAULT 0,
  ADD COLUMN certificate_key text,
  ADD COLUMN certificate_ends_at timestamptz(3),
  ADD COLUMN certificate_used integer NOT NULL DEFAULT 0;
