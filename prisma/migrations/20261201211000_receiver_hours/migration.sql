-- When a receiver is told, and how often again while an alert is raised and nobody has acknowledged it; null: always, and once.
ALTER TABLE receiver ADD COLUMN hours jsonb;
ALTER TABLE receiver ADD COLUMN remind_minutes integer;
-- Reminders have no transition; this is asked for the newest of each receiver and alert.
CREATE INDEX delivery_receiver_id_idx ON delivery (receiver_id, alert_id);
