-- Where and by what a receiver is told over HTTP, sealed: both may be secrets. null for mail. `addresses` then has what may be shown of it.
ALTER TABLE receiver ADD COLUMN target bytea;
